"""REST for a kind of definition: connections and datastores have the same calls."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from app.access.guard import CallerDep, allow, note
from app.access.permissions import Action
from app.connections.definitions import Definitions, secrets, shown
from app.connections.schemas import DefinitionRead, Sent
from app.web.paging import Listing, listing
from app.web.session import SessionDep
from app.web.yaml_bodies import yaml_body, yaml_body_of


async def _sent(request: Request) -> Sent:
    return Sent.model_validate(await yaml_body_of(request))


def routes(kind: Definitions, read: Action, write: Action, see_secrets: Action) -> APIRouter:
    """List, define, show and delete; the secrets are told by a call of their own, which is audited."""
    router = APIRouter(prefix=f"/api/{kind.plural}", tags=[kind.plural])

    @router.get("", response_model=Listing[DefinitionRead], dependencies=[allow(read)])
    def all_of_them(
        session: SessionDep,
        caller: CallerDep,
        text: str = "",
        sort: str = "name",
        page: Annotated[int, Query(ge=1)] = 1,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict:
        found = kind.page(session, caller.workspace.id, text=text, sort=sort, number=page, size=size)
        return listing(found, [DefinitionRead.of(row) for row in found.rows])

    @router.post(
        "", status_code=201, response_model=DefinitionRead, dependencies=[allow(write)],
        openapi_extra=yaml_body(f"The file of a {kind.noun}", Sent),
    )  # fmt: skip
    def define(new: Annotated[Sent, Depends(_sent)], session: SessionDep, caller: CallerDep) -> DefinitionRead:
        """Make one, or change the one of that name."""
        wanted = kind.read(new.yaml)
        made = save(kind, session, caller, wanted)
        return DefinitionRead.of(made, wanted.warnings)

    @router.get("/{name}", response_model=DefinitionRead, dependencies=[allow(read)])
    def show(name: str, session: SessionDep, caller: CallerDep) -> DefinitionRead:
        return DefinitionRead.of(kind.get(session, caller.workspace.id, name))

    @router.delete("/{name}", status_code=204, dependencies=[allow(write)])
    def delete(name: str, session: SessionDep, caller: CallerDep) -> None:
        remove(kind, session, caller, name)

    @router.post("/{name}/secrets", dependencies=[allow(see_secrets)])
    def list_secrets(name: str, session: SessionDep, caller: CallerDep) -> dict[str, str]:
        """The secret fields of the credentials, in plain text."""
        found = kind.get(session, caller.workspace.id, name)
        note(session, kind.plural, name)
        return secrets(found)

    return router


def save(kind: Definitions, session: SessionDep, caller: CallerDep, wanted: Any) -> Any:
    before = kind.find(session, caller.workspace.id, wanted.name)
    was = shown(before) if before else None
    made = kind.define(session, caller.workspace.id, wanted, created_by=caller.user.name)
    note(session, kind.plural, made.name, before=was, after=shown(made))
    return made


def remove(kind: Definitions, session: SessionDep, caller: CallerDep, name: str) -> None:
    found = kind.get(session, caller.workspace.id, name)
    note(session, kind.plural, name, before=shown(found))
    kind.delete(session, found)
