"""What an operator does straight in the registry: migrations, users, tokens and sign-in links."""

from sqlalchemy import select

from app import domains, migrating
from app.access import queries, service
from app.access.tables import Workspace
from app.activity.service import record
from app.cli.home import Home
from app.database import Sessions, transaction
from app.errors import NotFound
from app.settings import read


def connect(home: Home) -> None:
    """Raises NotFound when no server was ever started in this home."""
    if not home.config_file.is_file():
        raise NotFound(f"No server was started in {home.folder} yet: run atelier up --home {home.folder}")
    domains.start(read(home.config_file, home=home.folder))


def migrate(home: Home) -> None:
    connect(home)
    migrating.upgrade(Sessions.kw["bind"])


def create_token(home: Home, user: str, name: str, days: int | None) -> str:
    connect(home)
    with transaction() as session:
        _, plain = service.create_token(session, queries.get_user(session, user), name, days=days)
        record(session, user, "access/account/write", target_type="tokens", target_name=name)
    return plain


def create_user(home: Home, name: str, password: str, role: str, workspace: str) -> None:
    connect(home)
    with transaction() as session:
        found = session.scalar(select(Workspace).where(Workspace.name == workspace))
        if found is None:
            raise NotFound(f"There is no workspace {workspace!r}.")
        user = service.create_user(session, name, name, password)
        service.assign(session, user, queries.get_role(session, role), found.id)
        record(session, "operator", "access/write", target_type="users", target_name=name, after={"role": role})


def create_link(home: Home, name: str) -> str:
    connect(home)
    with transaction() as session:
        link = service.create_link(session, queries.get_user(session, name))
        record(session, "operator", "access/signIn", target_type="users", target_name=name)
    return f"{home.config()['url']}/sign-in/link?token={link}"
