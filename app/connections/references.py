"""Parts of connections that a job or deployment names as the values of its environment variables.

Source of the form: Azure ML's secret injection of online deployments,
learn.microsoft.com/azure/machine-learning/concept-secret-injection.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.access import identity
from app.access.caller import covers
from app.connections.definitions import secrets
from app.connections.kinds import ADDRESSES, CONNECTIONS
from app.connections.permissions import SECRETS
from app.connections.tables import Connection
from app.errors import AtelierError, Forbidden, Invalid, NotFound

FORM = "${{azureml://connections/NAME/credentials/FIELD}}, …/NAME/metadata/FIELD or …/NAME/target"
_MARK = "azureml://connections/"
_REFERENCE = re.compile(
    r"\s*\$\{\{\s*azureml://connections/([^/\s}]+)/(?:(credentials|metadata)/)?([^/\s}]+)\s*\}\}\s*"
)


def variables_of(spec: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every `environment_variables` of a job's specification, those of its steps included, with where it stands."""
    if isinstance(spec, list):
        spec = dict(enumerate(spec))
    if not isinstance(spec, dict):
        return
    for name, value in spec.items():
        at = f"{path}.{name}" if path else str(name)
        if name == "environment_variables" and isinstance(value, dict):
            yield at, value
        else:
            yield from variables_of(value, at)


def may_read(session: Session, workspace_id: int, user: str) -> bool:
    """Whether somebody may read the secrets of a workspace's connections, and so hand them to what they start."""
    found = identity.on_behalf_of(session, user, "connections")
    return found is not None and covers(found.actions_in(workspace_id), SECRETS.name)


def check(
    session: Session, workspace_id: int, variables: Mapping[str, str], field: str, *, may: Callable[[], bool]
) -> None:
    """Raises Invalid, NotFound or Forbidden, naming the variable, for a reference that cannot be followed."""
    for name, value in variables.items():
        if _MARK not in str(value):
            continue
        at = f"{field}.{name}"
        if not may():
            raise Forbidden(
                f"{at}: it hands on a part of a connection, for which you need the right {SECRETS.name}.", target=at
            )
        try:
            _followed(session, workspace_id, str(value))
        except AtelierError as error:
            raise type(error)(f"{at}: {error.message}", target=at) from error


def fill(session: Session, workspace_id: int, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with what they name in place, which was checked when they were taken in."""
    return {
        name: _followed(session, workspace_id, value) if _MARK in str(value) else value
        for name, value in variables.items()
    }


def _followed(session: Session, workspace_id: int, text: str) -> str:
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise Invalid(f"{text!r} is no part of a connection; write {FORM}.")
    name, group, part = found.groups()
    connection = CONNECTIONS.get(session, workspace_id, name)
    parts = _parts(connection, group)
    if part not in parts:
        kept = ", ".join(sorted(parts)) or "nothing"
        raise NotFound(f"connection {name!r} has no {part!r} there; it has {kept}.")
    return parts[part]


def _parts(connection: Connection, group: str | None) -> dict[str, str]:
    settings = connection.settings
    if group == "credentials":
        return {name: text for name, text in connection.credentials.items() if name != "type"} | secrets(connection)
    if group == "metadata":
        return {str(name): str(value) for name, value in (settings.get("metadata") or {}).items()}
    texts = {name: value for name, value in settings.items() if isinstance(value, str)}
    address = next((settings[name] for name in ADDRESSES if name in settings), None)
    return ({"target": address} if address else {}) | texts
