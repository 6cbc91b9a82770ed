"""REST of the run table: names and values to complete a filter with."""

from fastapi import APIRouter

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs.permissions import READ
from app.tracking import columns
from app.web.session import SessionDep

router = APIRouter(prefix="/api/tracking", tags=["tracking"])
ATTRIBUTES = ("run_id", "run_name", "status", "user_id", "start_time", "end_time")
MOST = 20


@router.get("/names", dependencies=[allow(READ)])
def names(session: SessionDep, caller: CallerDep, text: str = "") -> dict:
    """Keys for a filter that go on from `text`, such as `metrics.lo`: `{"value": ["metrics.loss", …]}`."""
    attributes = [f"attributes.{name}" for name in ATTRIBUTES]
    found = [column.id for column in columns.known(session, caller.workspace.id, text, most=MOST)]
    begun = [name for name in attributes if text.lower() in name]
    return {"value": [*found, *begun][:MOST]}


@router.get("/values", dependencies=[allow(READ)])
def values(key: str, session: SessionDep, caller: CallerDep, text: str = "") -> dict:
    """What runs have at a key such as `params.opt` or `tags.team`, with `text` in it: `{"value": ["adam", …]}`."""
    column = columns.parse(key, "key")
    if column.kind not in ("params", "tags"):
        raise Invalid(f"key: {key!r} has no texts to choose from. Use params.NAME or tags.NAME.", target="key")
    return {"value": columns.known_values(session, caller.workspace.id, column, text, most=MOST)}
