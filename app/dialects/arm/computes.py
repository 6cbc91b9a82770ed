"""Azure's calls about computes: names under which jobs ask for workers."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.access.guard import CallerDep, allow
from app.compute import queries
from app.compute.permissions import READ
from app.compute.tables import Compute
from app.dialects.arm import answers, compute_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.kit.clock import now
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/computes")


def shown(request: Request, compute: Compute) -> dict:
    return answers.resource(
        request,
        f"computes/{compute.name}",
        compute_shapes.properties_of(compute),
        created_at=compute.created_at,
        created_by=compute.created_by,
        location=compute_shapes.LOCATION,
        tags=compute.tags,
    )


@router.get("/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """A compute, or for a name that nobody made a stand-in, as jobs that name it run too."""
    found = queries.find_compute(session, caller.workspace.id, name)
    return answers.body(shown(request, found or _stand_in(name)))


def _stand_in(name: str) -> Compute:
    text = f"There is no compute {name!r} here; jobs that name it run on the workers as they are."
    return Compute(
        name=name,
        type=compute_shapes.CLUSTER,
        description=text,
        min_instances=0,
        max_instances=None,
        tags={},
        spec={},
        created_by="",
        created_at=now(),
    )
