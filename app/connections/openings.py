"""Package feeds and git repositories that connections open: whose address a build names, and with which credentials.

Source of the files: the .netrc format that uv reads (docs.astral.sh/uv, HTTP credentials), and git-credential-store.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.connections.definitions import secrets
from app.connections.kinds import ADDRESSES, CONNECTIONS
from app.connections.tables import Connection

TYPES = ("python_feed", "git")
# What feeds and git servers take as a user where only the token counts.
_ANYBODY = "token"


def named(session: Session, workspace_id: int, texts: Iterable[str]) -> tuple[str, ...]:
    """`WORKSPACE_ID/NAME` of the connections with credentials that lead to an address in these texts.

    Of several to one host the one whose address says most is taken, as a host has one user.
    """
    urls = [url for text in texts if (url := _url(text))]
    if not urls:
        return ()
    wanted = select(Connection).where(Connection.workspace_id == workspace_id, Connection.type.in_(TYPES))
    found: dict[str, Connection] = {}
    kept = session.scalars(wanted.where(Connection.secret.is_not(None)).order_by(Connection.name))
    for connection in sorted(kept, key=lambda one: len(_address(one.settings))):
        place = urlsplit(_address(connection.settings))
        if any(_leads_to(url, place) for url in urls):
            found[place.netloc] = connection
    return tuple(sorted(f"{workspace_id}/{connection.name}" for connection in found.values()))


def write(session: Session, names: Iterable[str], folder: Path) -> dict[str, str]:
    """Write the credentials to files of `folder`; the environment variables that lead uv and git to them."""
    netrc, lines = [], []
    for name in names:
        workspace_id, _, connection = name.partition("/")
        found = CONNECTIONS.get(session, int(workspace_id), connection)
        place = urlsplit(_address(found.settings))
        user, password = credentials(found)
        netrc.append(f"machine {place.hostname} login {user} password {password}\n")
        lines.append(f"{place.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place.netloc}\n")
    for file, content in (("netrc", netrc), ("git-credentials", lines)):
        path = folder / file
        path.touch(mode=0o600)
        path.write_text("".join(content))
    return {
        "NETRC": str(folder / "netrc"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": f"store --file={folder / 'git-credentials'}",
        "GIT_TERMINAL_PROMPT": "0",
    }


def registry_logins(session: Session, workspace_id: int) -> dict[str, tuple[str, str]]:
    """User and password at each container registry that a connection of the workspace opens, by host and port."""
    wanted = select(Connection).where(Connection.workspace_id == workspace_id, Connection.type == "container_registry")
    kept = session.scalars(wanted.where(Connection.secret.is_not(None)).order_by(Connection.name))
    return {_host(_address(connection.settings)): credentials(connection) for connection in kept}


def _host(address: str) -> str:
    return (urlsplit(address).netloc if "//" in address else address.partition("/")[0]).lower()


def credentials(found: Connection) -> tuple[str, str]:
    """User and password; a token stands alone."""
    kept = secrets(found)
    password = next(iter(kept.values()), "")
    return found.credentials.get("username") or _ANYBODY, password


def _address(settings: dict[str, Any]) -> str:
    return next((settings[name] for name in ADDRESSES if settings.get(name)), "")


def _url(text: str) -> str | None:
    """The address in an option's value or a requirement such as `name @ git+https://…`."""
    found = re.search(r"https?://\S+", text)
    return found[0] if found else None


def _leads_to(url: str, place) -> bool:
    found = urlsplit(url)
    path = place.path.rstrip("/")
    same = (found.scheme, found.netloc.rpartition("@")[2]) == (place.scheme, place.netloc)
    return same and (found.path == path or found.path.startswith(f"{path}/") or not path)
