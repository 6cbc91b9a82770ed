"""Reads of registered environments and of their builds."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assets.versioned import Versioned
from app.environments.tables import Environment, EnvironmentBuild, EnvironmentVersion


def _labelled(session: Session, environment: Environment, label: str) -> str | None:
    return environment.labels.get(label)


ENVIRONMENTS = Versioned("environment", Environment, EnvironmentVersion, "environment", labelled=_labelled)
find = ENVIRONMENTS.find
get = ENVIRONMENTS.get
get_version = ENVIRONMENTS.get_version
page = ENVIRONMENTS.page
versions = ENVIRONMENTS.versions


def build_of(session: Session, digest: str) -> EnvironmentBuild | None:
    return session.get(EnvironmentBuild, digest)


def states(session: Session, digests: Iterable[str]) -> dict[str, str]:
    """How the newest build of each stands; those that were never built are left out."""
    found = select(EnvironmentBuild.digest, EnvironmentBuild.state).where(EnvironmentBuild.digest.in_(list(digests)))
    return dict(session.execute(found).all())


def building(session: Session) -> dict[str, str]:
    """The names of the environments that are being built now, by digest."""
    found = select(EnvironmentBuild.digest, EnvironmentBuild.name).where(EnvironmentBuild.state == "Building")
    return dict(session.execute(found).all())
