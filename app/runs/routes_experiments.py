"""REST for experiments and their folders, beside MLflow's own calls."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.access.guard import CallerDep, allow, note
from app.experiments import folders, queries, service
from app.experiments.permissions import READ, WRITE
from app.jobs.permissions import DELETE
from app.runs import experiments
from app.runs import service as runs
from app.runs.experiments import Row
from app.runs.schemas import OperationRead
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api", tags=["experiments"])


class ExperimentCreate(BaseModel):
    name: str
    folder: str = ""
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class ExperimentChange(BaseModel):
    """What is left out stays. `folder` is a path, made where it is not there; empty is the top."""

    name: str | None = None
    folder: str | None = None
    description: str | None = None


class ExperimentRead(BaseModel):
    """`runs` counts active runs, or deleted ones of a deleted experiment; `last_run` is when the newest was made."""

    id: str
    name: str
    folder: str
    description: str
    tags: dict[str, str]
    lifecycle_stage: str
    runs: int
    last_run: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> "ExperimentRead":
        found = row.experiment
        same = {name: getattr(found, name) for name in ("name", "description", "tags", "lifecycle_stage")}
        times = {"created_at": found.created_at, "updated_at": found.updated_at, "last_run": row.last}
        return cls(id=str(found.id), folder=row.folder, runs=row.runs, **same, **times)


class FolderPath(BaseModel):
    path: str


class FolderMove(BaseModel):
    """`path` is what the folder is called from now on: another name, another place or both."""

    folder: str
    path: str


class FolderRead(BaseModel):
    path: str


def _read(session, experiment) -> ExperimentRead:
    return ExperimentRead.of(experiments.rows(session, [experiment], experiment.lifecycle_stage)[0])


@router.get("/experiments", response_model=Listing[ExperimentRead], dependencies=[allow(READ)])
def search(
    session: SessionDep,
    caller: CallerDep,
    folder: str = "",
    text: str = "",
    everywhere: bool = True,
    deleted: bool = False,
    sort: str = "-updated",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    """Those in a folder and below it; with `everywhere=false`, only those directly in it."""
    at = folders.get_or_none(session, caller.workspace.id, folder)
    wanted = experiments.Wanted(at, text.strip(), everywhere, deleted, sort)
    found = experiments.page(session, caller.workspace.id, wanted, page, size)
    return listing(found, [ExperimentRead.of(row) for row in found.rows])


@router.post("/experiments", status_code=201, response_model=ExperimentRead, dependencies=[allow(WRITE)])
def create(new: ExperimentCreate, session: SessionDep, caller: CallerDep) -> ExperimentRead:
    tags = new.tags | ({service.NOTE: new.description} if new.description else {})
    made = service.create(session, caller.workspace.id, new.name, tags=tags)
    folders.place(session, [made.id], folders.ensure(session, caller.workspace.id, new.folder))
    note(session, "experiments", made.name, after=new.model_dump())
    return _read(session, made)


@router.get("/experiments/{experiment_id}", response_model=ExperimentRead, dependencies=[allow(READ)])
def read(experiment_id: str, session: SessionDep, caller: CallerDep) -> ExperimentRead:
    return _read(session, queries.get(session, caller.workspace.id, experiment_id))


@router.patch("/experiments/{experiment_id}", response_model=ExperimentRead, dependencies=[allow(WRITE)])
def change(experiment_id: str, change: ExperimentChange, session: SessionDep, caller: CallerDep) -> ExperimentRead:
    found = queries.get(session, caller.workspace.id, experiment_id)
    before = {"name": found.name, "description": found.description}
    if change.name is not None:
        service.rename(session, found, change.name)
    if change.description is not None:
        service.describe(session, found, change.description)
    if change.folder is not None:
        folders.place(session, [found.id], folders.ensure(session, caller.workspace.id, change.folder))
    note(session, "experiments", before["name"], before=before, after=change.model_dump(exclude_unset=True))
    return _read(session, found)


@router.post("/experiments/{experiment_id}/delete", response_model=ExperimentRead, dependencies=[allow(WRITE)])
def delete(experiment_id: str, session: SessionDep, caller: CallerDep) -> ExperimentRead:
    """Out of sight with its runs, until it is restored."""
    found = queries.get(session, caller.workspace.id, experiment_id)
    service.delete(session, found)
    note(session, "experiments", found.name, after={"lifecycle_stage": "deleted"})
    return _read(session, found)


@router.post("/experiments/{experiment_id}/restore", response_model=ExperimentRead, dependencies=[allow(WRITE)])
def restore(experiment_id: str, session: SessionDep, caller: CallerDep) -> ExperimentRead:
    found = queries.get(session, caller.workspace.id, experiment_id)
    service.restore(session, found)
    note(session, "experiments", found.name, after={"lifecycle_stage": "active"})
    return _read(session, found)


@router.delete("/experiments/{experiment_id}", response_model=OperationRead | None, dependencies=[allow(DELETE)])
def remove(experiment_id: str, session: SessionDep, caller: CallerDep, response: Response) -> OperationRead | None:
    """Delete a deleted experiment for good, with its runs and files. Answered 202 where a worker goes on with it."""
    operation = runs.remove_experiment(session, caller, queries.get(session, caller.workspace.id, experiment_id))
    if operation is None:
        return None
    response.status_code = 202
    return OperationRead.model_validate(operation)


@router.get("/experiment-folders", dependencies=[allow(READ)])
def find_folders(session: SessionDep, caller: CallerDep, text: str = "") -> dict:
    """Paths that hold a text, the first 100 by name: `{"value": [{"path"}]}`."""
    return {"value": [{"path": path} for path in folders.matching(session, caller.workspace.id, text, 100)]}


@router.post("/experiment-folders", status_code=201, response_model=FolderRead, dependencies=[allow(WRITE)])
def create_folder(new: FolderPath, session: SessionDep, caller: CallerDep) -> FolderRead:
    """A folder, and those above it."""
    made = folders.create(session, caller.workspace.id, new.path)
    note(session, "experiment-folders", made.path)
    return FolderRead(path=made.path)


@router.post("/experiment-folders/move", response_model=FolderRead, dependencies=[allow(WRITE)])
def move_folder(change: FolderMove, session: SessionDep, caller: CallerDep) -> FolderRead:
    found = folders.get(session, caller.workspace.id, change.folder)
    note(session, "experiment-folders", found.path, before={"path": found.path}, after={"path": change.path})
    folders.move(session, found, change.path)
    return FolderRead(path=found.path)


@router.delete("/experiment-folders", status_code=204, dependencies=[allow(WRITE)])
def remove_folder(path: str, session: SessionDep, caller: CallerDep) -> Response:
    """Delete a folder and those below it; their experiments go to the folder above."""
    found = folders.get(session, caller.workspace.id, path, "path")
    note(session, "experiment-folders", found.path)
    folders.remove(session, found)
    return Response(status_code=204)
