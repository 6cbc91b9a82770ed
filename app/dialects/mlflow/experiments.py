"""MLflow's calls about experiments."""

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow import shapes
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.experiments import queries, service
from app.experiments.permissions import READ, WRITE
from app.experiments.search import STAGES, search
from app.experiments.tables import Experiment
from app.tracking import queries as tracking
from app.tracking.artifacts import custom_location
from app.web.session import ReadSessionDep, SessionDep

router = APIRouter(prefix="/experiments")
MOST_LISTED = 50_000
DEFAULT_LISTED = 1000


def _experiment(session, caller, arguments: Arguments) -> Experiment:
    return queries.get(session, caller.workspace.id, arguments.text("experiment_id"))


@router.post("/create", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    location = custom_location(arguments.optional_text("artifact_location"))
    tags = dict(arguments.pairs("tags"))
    made = service.create(session, caller.workspace.id, arguments.text("name"), tags=tags, artifact_location=location)
    note(session, "experiments", made.name, after={"id": made.id})
    return answer({"experiment_id": str(made.id)})


@router.get("/get", dependencies=[allow(READ)])
def get(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"experiment": shapes.experiment(_experiment(session, caller, arguments))})


@router.get("/get-by-name", dependencies=[allow(READ)])
def get_by_name(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_by_name(session, caller.workspace.id, arguments.text("experiment_name"))
    return answer({"experiment": shapes.experiment(found)})


@router.api_route("/search", methods=["GET", "POST"], dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_LISTED, MOST_LISTED)
    found = search(
        session,
        caller.workspace.id,
        filter=arguments.optional_text("filter"),
        order_by=arguments.texts("order_by"),
        view=arguments.choice("view_type", STAGES, "ACTIVE_ONLY"),
        offset=offset,
        count=count + 1,
    )
    return paged("experiments", [shapes.experiment(row) for row in found], offset, count)


@router.post("/update", dependencies=[allow(WRITE)])
def update(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = _experiment(session, caller, arguments)
    before = found.name
    if "new_name" in arguments:
        service.rename(session, found, arguments.text("new_name"))
    note(session, "experiments", before, before={"name": before}, after={"name": found.name})
    return answer()


@router.post("/delete", dependencies=[allow(WRITE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = _experiment(session, caller, arguments)
    service.delete(session, found)
    note(session, "experiments", found.name, after={"lifecycle_stage": "deleted"})
    return answer()


@router.post("/restore", dependencies=[allow(WRITE)])
def restore(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = _experiment(session, caller, arguments)
    service.restore(session, found)
    note(session, "experiments", found.name, after={"lifecycle_stage": "active"})
    return answer()


@router.post("/set-experiment-tag", dependencies=[allow(WRITE)])
def set_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = _experiment(session, caller, arguments)
    key, value = arguments.text("key"), arguments.value("value")
    service.set_tag(session, found, key, value)
    note(session, "experiments", found.name, after={"tags": {key: value}})
    return answer()


@router.post("/delete-experiment-tag", dependencies=[allow(WRITE)])
def delete_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = _experiment(session, caller, arguments)
    service.delete_tag(session, found, arguments.text("key"))
    note(session, "experiments", found.name, after={"deleted_tag": arguments.text("key")})
    return answer()


@router.post("/search-datasets", dependencies=[allow(READ)])
def search_datasets(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    ids = queries.ids(session, caller.workspace.id, arguments.texts("experiment_ids"))
    found = [
        {"experiment_id": str(dataset.experiment_id), "name": dataset.name, "digest": dataset.digest}
        | ({"context": context} if context else {})
        for dataset, context in tracking.datasets(session, ids)
    ]
    return answer({"dataset_summaries": found} if found else {})
