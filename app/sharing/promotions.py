"""Asks for, and decides on, taking a version into a registry that wants approval."""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.assets.names import check_name, check_version
from app.errors import Conflict, Forbidden, NotFound
from app.kit.clock import now
from app.kit.paging import Page, paginate
from app.registries.permissions import MANAGE
from app.registries.tables import Registry
from app.sharing import kinds, service
from app.sharing.schemas import Asked, Shared
from app.sharing.tables import Promotion, State


def may_manage(caller: Caller) -> bool:
    """What reaches beyond a workspace asks for a right beyond it."""
    return Caller(caller.user, caller.workspace, caller.user.actions_in(None)).can(MANAGE.name)


def check_direct(caller: Caller, registry: Registry) -> None:
    """Raises Forbidden where who shares has to ask first."""
    if registry.requires_approval and not may_manage(caller):
        raise Forbidden(
            f"The registry {registry.name!r} takes what one of its managers approves of. Ask for it with `--reason` "
            f"of `share`, POST /api/registries/{registry.name}/requests, or on the page Share of the version.",
            target="registry",
        )


def find_version(session: Session, caller: Caller, kind: str, new: Shared) -> Any:
    """A version of the workspace; raises Forbidden for who may not see it."""
    wanted = kinds.get(kind)
    if not caller.can(wanted.see.name):
        raise Forbidden(f"{caller.user.name} may not do {wanted.see.name} in this workspace.", target=wanted.see.name)
    return wanted.versioned.get_version(session, caller.workspace.id, new.name, new.version)


def ask(session: Session, caller: Caller, registry: Registry, new: Asked) -> Promotion:
    """Raises AlreadyExists for a version that the registry has, and Conflict for one that is asked for already."""
    found = find_version(session, caller, new.kind, new)
    name = check_name(new.share_with_name or new.name, "share_with_name")
    version = check_version(new.share_with_version or str(found.version), "share_with_version")
    service.check_free(session, new.kind, registry, name, version)
    same = select(Promotion.id).where(
        Promotion.registry_id == registry.id, Promotion.state == State.PENDING, Promotion.kind == new.kind,
        Promotion.share_with_name == name, Promotion.share_with_version == version,
    )  # fmt: skip
    if (waiting := session.scalar(same.limit(1))) is not None:
        raise Conflict(f"share_with_version: request {waiting} asks for this already.", target="share_with_version")
    made = Promotion(
        place=registry, workspace_id=caller.workspace.id, kind=new.kind, name=new.name, version=str(found.version),
        share_with_name=name, share_with_version=version, reason=new.reason.strip(), requested_by=caller.user.name,
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.refresh(made)
    return made


def get(session: Session, registry: Registry, number: int) -> Promotion:
    found = session.scalar(select(Promotion).where(Promotion.registry_id == registry.id, Promotion.id == number))
    if found is None:
        raise NotFound(f"The registry {registry.name!r} has no request {number}.", target="request")
    return found


def page(session: Session, registry: Registry, state: State | None = None, *, number: int = 1, size: int = 50) -> Page:
    """Newest first."""
    found = select(Promotion).where(Promotion.registry_id == registry.id)
    if state is not None:
        found = found.where(Promotion.state == state)
    return paginate(session, found.order_by(Promotion.id.desc()), number, size)


def waiting(session: Session, registry: Registry) -> int:
    """How many requests wait for a decision."""
    pending = select(func.count()).where(Promotion.registry_id == registry.id, Promotion.state == State.PENDING)
    return session.scalar(pending) or 0


def approve(session: Session, caller: Caller, found: Promotion, comment: str) -> Any:
    """Take the version in, as whoever asked for it; answers what is in the registry now."""
    _decide(session, caller, found, State.APPROVED, comment)
    versioned = kinds.get(found.kind).versioned
    version = versioned.get_version(session, found.workspace_id, found.name, found.version)
    return service.share(
        session, found.kind, version, found.place, workspace=found.workspace.name, shared_by=found.requested_by,
        name=found.share_with_name, version=found.share_with_version,
    )  # fmt: skip


def refuse(session: Session, caller: Caller, found: Promotion, comment: str) -> None:
    _decide(session, caller, found, State.REFUSED, comment)


def withdraw(session: Session, caller: Caller, found: Promotion) -> None:
    """Raises Forbidden for a request of somebody else."""
    if found.requested_by != caller.user.name:
        raise Forbidden(f"Request {found.id} is {found.requested_by}'s; it can be refused instead.", target="request")
    _decide(session, caller, found, State.WITHDRAWN, "")


def _decide(session: Session, caller: Caller, found: Promotion, state: State, comment: str) -> None:
    """Of two who decide at once one does."""
    values = {"state": state, "decided_by": caller.user.name, "decided_at": now(), "comment": comment.strip()}
    waiting = update(Promotion).where(Promotion.id == found.id, Promotion.state == State.PENDING).values(**values)
    if not session.execute(waiting, execution_options={"synchronize_session": False}).rowcount:
        session.refresh(found)
        raise Conflict(f"Request {found.id} is {found.state.value.lower()} already.", target="request")
    session.refresh(found)
