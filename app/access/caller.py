"""Who is asking, in which workspace, with which rights."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

NO_ACTIONS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Identity:
    """What a credential proves. `grants` maps a workspace id, or None for everywhere, to actions.

    `run` names the run to which a run's own token is confined; `limit` are the only actions that a
    restricted token may use, and `prefix` where in the workspace's store the files lie that a token of
    stored files opens.
    """

    id: int
    name: str
    display_name: str
    grants: dict[int | None, frozenset[str]]
    credential: str
    token_id: int | None = None
    session_id: int | None = None
    workspace_id: int | None = None
    run: str | None = None
    limit: frozenset[str] | None = None
    prefix: str | None = None

    def actions_in(self, workspace_id: int | None) -> frozenset[str]:
        return self.grants.get(workspace_id, NO_ACTIONS) | self.grants.get(None, NO_ACTIONS)


@dataclass(frozen=True)
class WorkspaceRef:
    id: int
    name: str
    display_name: str


@dataclass(frozen=True)
class Caller:
    """An identity at work in one workspace (None only where a route needs no workspace)."""

    user: Identity
    workspace: WorkspaceRef | None
    actions: frozenset[str] = field(default=NO_ACTIONS)

    @property
    def run(self) -> str | None:
        return self.user.run

    def can(self, action: str) -> bool:
        if self.user.limit is not None and not covers(self.user.limit, action):
            return False
        return covers(self.actions, action)


def covers(patterns: frozenset[str], action: str) -> bool:
    """Whether a set such as `{"jobs/*", "models/read"}` holds an action."""
    if action in patterns or "*" in patterns:
        return True
    parts = action.split("/")
    wild = ("/".join(parts[:depth]) + "/*" for depth in range(1, len(parts)))
    return any(pattern in patterns for pattern in wild) or f"*/{parts[-1]}" in patterns


def may_write_run(session: Session, caller: Caller, job) -> bool:
    """Whether a caller may write a run: a run's own token reaches that run and its descendants only.

    `job` is anything with `name` and `parent_id`.
    """
    return caller.run is None or _descends(session, job, caller.run)


def _descends(session: Session, job, name: str) -> bool:
    while job is not None:
        if job.name == name:
            return True
        job = session.get(type(job), job.parent_id) if job.parent_id else None
    return False
