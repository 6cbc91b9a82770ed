"""Pages of a list: how many rows, after which, and the token for the next."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid


@dataclass(frozen=True)
class Page:
    """`rows` of one page; `total` counts all rows; `number` starts at 1."""

    rows: Sequence[Any]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    def showing(self, rows: Sequence[Any]) -> "Page":
        """The same page, its rows told otherwise."""
        return replace(self, rows=rows)


def paginate(session: Session, found: Select, number: int, size: int, *, total: int | None = None) -> Page:
    """One page of a statement: its entities where it selects one thing, else its rows.

    `total` is counted where it is not given.
    """
    if total is None:
        total = session.scalar(select(func.count()).select_from(found.order_by(None).subquery()))
    result = session.execute(found.offset((number - 1) * size).limit(size))
    rows = result.scalars() if len(found.column_descriptions) == 1 else result
    return Page(rows.all(), total, number, size)


def ordering(sort: str, columns: Mapping[str, Any]) -> ColumnElement:
    """The order that `key` or `-key` asks for; raises Invalid with the keys that there are."""
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        raise Invalid(
            f"sort: {sort!r} is not a column. Use one of {', '.join(columns)}, with '-' for falling.", target="sort"
        )
    return column.desc() if sort.startswith("-") else column.asc()


def encode(position: Any) -> str:
    """An opaque token for a JSON-able position."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def decode(token: str) -> Any:
    """The position in a token; raises Invalid for one that this server never made."""
    try:
        return json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise Invalid("page_token is not one that this server gave out.", target="page_token") from error
