"""What connections and datastores have in common: how they are found, defined, shown and deleted."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assets.names import NAME
from app.connections import credentials
from app.errors import AlreadyExists, Invalid, NotFound
from app.kit import crypto
from app.kit.clock import now
from app.kit.documents import read
from app.kit.paging import Page, ordering, paginate
from app.kit.sections import Problems, Section, kind_of

COMMON = ("name", "type", "description", "tags", "credentials")
SET_BY_SERVER = ("id", "creation_context")


@dataclass(frozen=True)
class Definition:
    """A file as it was read. `credentials` is None where it says nothing about them."""

    name: str
    type: str
    description: str
    tags: dict[str, str]
    settings: dict[str, Any]
    credentials: credentials.Credentials | None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Definitions:
    """A kind of definition: `table` keeps it, `types` are those there are, and `settings` reads the rest of a file.

    Names in `reserved` belong to the server.
    """

    noun: str
    plural: str
    table: type
    types: Collection[str]
    settings: Callable[[Section, str], dict[str, Any]]
    reserved: Collection[str] = ()

    def find(self, session: Session, workspace_id: int, name: str) -> Any | None:
        named = select(self.table).where(self.table.workspace_id == workspace_id, self.table.name == name)
        return session.scalar(named)

    def get(self, session: Session, workspace_id: int, name: str) -> Any:
        found = self.find(session, workspace_id, name)
        if found is None:
            raise NotFound(f"There is no {self.noun} {name!r} in this workspace.", target="name")
        return found

    def page(
        self,
        session: Session,
        workspace_id: int,
        *,
        text: str = "",
        type: str = "",
        sort: str = "name",
        number: int = 1,
        size: int = 50,
    ) -> Page:
        table = self.table
        columns = {"name": table.name, "type": table.type, "updated": table.updated_at, "created": table.created_at}
        found = select(table).where(table.workspace_id == workspace_id)
        if text:
            found = found.where(table.name.icontains(text, autoescape=True))
        if type:
            found = found.where(table.type == type)
        return paginate(session, found.order_by(ordering(sort, columns), table.id), number, size)

    def read(self, yaml: str) -> Definition:
        """Raises Invalid that says every field that is wrong, and its line."""
        document = read(yaml, f"{self.noun}.yml")
        if not isinstance(document.value, dict):
            raise Invalid(
                f"{self.noun}.yml: a {self.noun} is a mapping of fields such as `name`; it holds "
                f"{kind_of(document.value)}.",
                target="name",
            )
        problems = Problems(document)
        file = Section(problems, document.value, what=f"a {self.noun}")
        name = file.text("name", required=True) or ""
        if name and not NAME.fullmatch(name):
            file.wrong("name", f"is {name!r}; use up to 255 letters, digits, '_', '-' and '.', not '_' first.")
        file.text("type", required=True)
        type = file.choice("type", self.types)
        settings = self.settings(file, type) if type else {}
        made = Definition(
            name, type or "", file.text("description") or "", file.texts("tags"), settings, credentials.read(file)
        )
        problems.raise_found()
        made.warnings.extend(problems.warnings)
        return made

    def define(self, session: Session, workspace_id: int, new: Definition, *, created_by: str) -> Any:
        """Make it, or change the one of that name.

        Its credentials stay where the file says nothing about them, as long as they go to the same place.
        """
        if new.name in (*self.reserved, "new"):
            raise AlreadyExists(
                f"name: {new.name!r} is a name that the server uses itself; choose another.", target="name"
            )
        found = self.find(session, workspace_id, new.name)
        kept = found is not None and new.credentials is None and found.secret is not None
        if kept and (found.type, found.settings) != (new.type, new.settings):
            raise Invalid(
                f"credentials: they are missing; those that {new.name!r} has are not sent to another place.",
                target="credentials",
            )
        if found is None:
            found = self.table(workspace_id=workspace_id, name=new.name, created_by=created_by)
            session.add(found)
        found.type, found.settings = new.type, new.settings
        found.description, found.tags, found.updated_at = new.description, new.tags, now()
        if not kept:
            given = new.credentials or credentials.Credentials({"type": "none"}, {})
            found.credentials = given.shown
            found.secret = crypto.encrypt(json.dumps(given.secret)) if given.secret else None
        session.flush()
        return found

    def delete(self, session: Session, found: Any) -> None:
        session.delete(found)
        session.flush()


def secrets(found: Any) -> dict[str, str]:
    """The secret fields of the credentials, in plain text; empty where there are none."""
    return json.loads(crypto.decrypt(found.secret)) if found.secret else {}


def shown(found: Any) -> dict[str, Any]:
    """A definition as its file says it, without what is secret."""
    return {
        "name": found.name,
        "type": found.type,
        "description": found.description,
        "tags": found.tags,
        **found.settings,
        "credentials": found.credentials,
    }
