"""REST for one's own account, and for who may do what."""

from fastapi import APIRouter, Response

from app.access import queries, service
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ, OWN_ACCOUNT_WRITE, READ, WRITE
from app.access.schemas import (
    AssignmentCreate,
    AssignmentRead,
    PasswordChange,
    RoleRead,
    TokenCreate,
    TokenCreated,
    TokenRead,
    UserCreate,
    UserRead,
)
from app.access.tables import RoleAssignment, User
from app.web.session import SessionDep

router = APIRouter(prefix="/api", tags=["access"])


@router.get("/me", dependencies=[allow(OWN_ACCOUNT_READ)])
def me(caller: CallerDep) -> dict:
    """Who the credential proves, and what it may do in this workspace."""
    return {
        "name": caller.user.name,
        "display_name": caller.user.display_name,
        "workspace": caller.workspace.name if caller.workspace else None,
        "actions": sorted(caller.actions),
    }


@router.put("/me/password", status_code=204, dependencies=[allow(OWN_ACCOUNT_WRITE)])
def change_password(change: PasswordChange, session: SessionDep, caller: CallerDep) -> Response:
    service.change_password(session, caller.user.id, change.current_password, change.new_password)
    note(session, "users", caller.user.name)
    return Response(status_code=204)


@router.get("/tokens", response_model=list[TokenRead], dependencies=[allow(OWN_ACCOUNT_READ)])
def tokens(session: SessionDep, caller: CallerDep):
    return queries.tokens(session, caller.user.id)


@router.post("/tokens", status_code=201, response_model=TokenCreated, dependencies=[allow(OWN_ACCOUNT_WRITE)])
def create_token(new: TokenCreate, session: SessionDep, caller: CallerDep) -> TokenCreated:
    user = session.get_one(User, caller.user.id)
    token, plain = service.create_token(session, user, new.name, days=new.days)
    note(session, "tokens", token.name)
    return TokenCreated(**TokenRead.model_validate(token).model_dump(), token=plain)


@router.delete("/tokens/{token_id}", status_code=204, dependencies=[allow(OWN_ACCOUNT_WRITE)])
def revoke_token(token_id: int, session: SessionDep, caller: CallerDep) -> Response:
    token = queries.get_token(session, caller.user.id, token_id)
    service.revoke_token(session, token)
    note(session, "tokens", token.name)
    return Response(status_code=204)


@router.get("/roles", response_model=list[RoleRead], dependencies=[allow(READ)])
def roles(session: SessionDep):
    return queries.roles(session)


@router.get("/role-assignments", response_model=list[AssignmentRead], dependencies=[allow(READ)])
def assignments(session: SessionDep, caller: CallerDep) -> list[AssignmentRead]:
    return [_read(found) for found in queries.assignments(session, caller.workspace.id)]


@router.post("/role-assignments", status_code=201, response_model=AssignmentRead, dependencies=[allow(WRITE)])
def assign(new: AssignmentCreate, session: SessionDep, caller: CallerDep) -> AssignmentRead:
    user, role = queries.get_user(session, new.user), queries.get_role(session, new.role)
    made = service.assign(session, user, role, caller.workspace.id)
    note(session, "users", user.name, after={"role": role.name})
    return _read(made)


@router.delete("/role-assignments/{assignment_id}", status_code=204, dependencies=[allow(WRITE)])
def unassign(assignment_id: int, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_assignment(session, caller.workspace.id, assignment_id)
    note(session, "users", found.user.name, before={"role": found.role.name})
    service.remove(session, found)
    return Response(status_code=204)


@router.post("/users", status_code=201, response_model=UserRead, dependencies=[allow(WRITE)])
def create_user(new: UserCreate, session: SessionDep, caller: CallerDep) -> User:
    user = service.create_user(session, new.name, new.display_name, new.password)
    service.assign(session, user, queries.get_role(session, new.role), caller.workspace.id)
    note(session, "users", user.name, after={"role": new.role})
    return user


def _read(found: RoleAssignment) -> AssignmentRead:
    scope = "organisation" if found.workspace_id is None else "workspace"
    return AssignmentRead(id=found.id, user=found.user.name, role=found.role.name, scope=scope)
