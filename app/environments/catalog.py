"""Environments by name: the workspace's own, and the curated ones that every workspace has."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.database import reading
from app.environments import builds, curated, queries, resolving, standing
from app.environments.schemas import EnvironmentRead
from app.environments.specification import EnvironmentSpec, digest
from app.environments.tables import EnvironmentVersion
from app.errors import NotFound
from app.kit import log_files
from app.kit.log_files import Piece


@dataclass(frozen=True)
class BuildLog:
    """The log of the newest build of a digest."""

    digest: str

    @property
    def channel(self) -> str:
        return builds.channel(self.digest)

    def look(self, offset: int) -> Piece:
        # The state is read before the file: what a build that has ended printed is all there.
        with reading() as session:
            state = queries.states(session, [self.digest]).get(self.digest)
        return log_files.read(builds.log_key(self.digest), offset, ended=state != standing.BUILDING)


@dataclass(frozen=True)
class Entry:
    """One version; `registered` is None for a curated one."""

    workspace_id: int
    name: str
    version: str
    registered: EnvironmentVersion | None = None

    def spec(self, session: Session) -> EnvironmentSpec:
        if self.registered is None:
            return EnvironmentSpec.curated(name=self.name)
        return resolving.spec_of(session, self.workspace_id, self.registered)

    def standing(self, session: Session, root: Path) -> standing.Standing:
        return standing.of(session, self.spec(session), root)

    @property
    def stands_in_for(self) -> list[str]:
        """Names of Azure ML's registry, with `*` for anything."""
        return [] if self.registered else curated.environments()[self.name].stands_in_for

    def log(self, session: Session) -> BuildLog:
        return BuildLog(digest(self.spec(session)))

    def read(self) -> EnvironmentRead:
        if self.registered is not None:
            return EnvironmentRead.of(self.registered)
        found = curated.environments()[self.name]
        conda = {"dependencies": ["pip", {"pip": list(found.packages)}]}
        return EnvironmentRead(
            name=self.name,
            version=self.version,
            stage="Curated",
            description=found.description,
            conda_file=conda,
            created_by="Atelier",
        )


def curated_entries(workspace_id: int) -> Iterator[Entry]:
    return (Entry(workspace_id, name, curated.VERSION) for name in curated.environments())


def get(session: Session, workspace_id: int, name: str, version: str | None = None, label: str | None = None) -> Entry:
    """A version of the workspace's own, else of a curated one, as references find them; raises NotFound."""
    if queries.find(session, workspace_id, name) is not None:
        found = queries.get_version(session, workspace_id, name, version, label)
        return Entry(workspace_id, name, found.version, found)
    if name not in curated.environments():
        raise NotFound(f"There is no environment {name!r}.", target="name")
    resolving.check_version(name, version, label)
    return Entry(workspace_id, name, curated.VERSION)
