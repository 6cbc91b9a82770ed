"""REST of saved views of the run table."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.access.guard import CallerDep, allow, note
from app.jobs.permissions import READ
from app.tracking import views
from app.tracking.permissions import OWN_VIEWS_WRITE
from app.tracking.tables import View
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/views", tags=["tracking"])


class ViewCreate(BaseModel):
    name: str
    query: str = Field(description="Of the run table's address, such as columns=params.lr,metrics.loss&sort=-created.")
    shared: bool = False
    default_for: list[str] = Field(default_factory=list, description="Experiments whose table opens so.")


class ViewChange(BaseModel):
    name: str | None = None
    query: str | None = None
    shared: bool | None = None
    default_for: list[str] | None = None


class ViewRead(BaseModel):
    id: int
    name: str
    query: str
    shared: bool
    default_for: list[str]
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, view: View) -> "ViewRead":
        own = {name: getattr(view, name) for name in ("id", "name", "query", "created_by", "created_at", "updated_at")}
        return cls(shared=view.is_shared, default_for=sorted(d.experiment.name for d in view.defaults), **own)


@router.get("", response_model=Listing[ViewRead], dependencies=[allow(READ)])
def all_views(
    session: SessionDep,
    caller: CallerDep,
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    """The caller's own views and those that others share."""
    found = views.page(session, caller, page, size)
    return listing(found, [ViewRead.of(view) for view in found.rows])


@router.post("", status_code=201, response_model=ViewRead, dependencies=[allow(OWN_VIEWS_WRITE)])
def create(new: ViewCreate, session: SessionDep, caller: CallerDep) -> ViewRead:
    made = views.create(session, caller, new.name, new.query, is_shared=new.shared, default_for=new.default_for)
    read = ViewRead.of(made)
    note(session, "views", made.name, after=read.model_dump(mode="json"))
    return read


@router.get("/{view_id}", response_model=ViewRead, dependencies=[allow(READ)])
def read(view_id: int, session: SessionDep, caller: CallerDep) -> ViewRead:
    return ViewRead.of(views.get(session, caller, view_id))


@router.patch("/{view_id}", response_model=ViewRead, dependencies=[allow(OWN_VIEWS_WRITE)])
def change(view_id: int, change: ViewChange, session: SessionDep, caller: CallerDep) -> ViewRead:
    view = views.get_changeable(session, caller, view_id)
    before = ViewRead.of(view)
    given = change.model_dump(exclude_unset=True)
    views.change(session, caller, view, **{"is_shared" if name == "shared" else name: given[name] for name in given})
    after = ViewRead.of(view)
    note(session, "views", view.name, before.model_dump(mode="json"), after.model_dump(mode="json"))
    return after


@router.delete("/{view_id}", status_code=204, dependencies=[allow(OWN_VIEWS_WRITE)])
def remove(view_id: int, session: SessionDep, caller: CallerDep) -> None:
    view = views.get_changeable(session, caller, view_id)
    note(session, "views", view.name, before=ViewRead.of(view).model_dump(mode="json"))
    views.remove(session, view)
