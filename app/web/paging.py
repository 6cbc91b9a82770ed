"""How lists look over REST: `{"value": […], "total": n, "next_page": n or null}`."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from app.kit.paging import Page

Item = TypeVar("Item")
PageNumber = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(ge=1, le=500)]


class Listing(BaseModel, Generic[Item]):
    value: list[Item]
    total: int
    next_page: int | None


def listing(page: Page, value: Sequence[Any] | None = None) -> dict:
    """`value` is what the rows look like, where that is not the rows themselves."""
    return {
        "value": page.rows if value is None else value,
        "total": page.total,
        "next_page": page.number + 1 if page.number < page.pages else None,
    }
