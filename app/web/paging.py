"""How lists look over REST: `{"value": […], "total": n, "next_page": n or null}`."""

from typing import Generic, TypeVar

from pydantic import BaseModel

from app.kit.paging import Page

Item = TypeVar("Item")


class Listing(BaseModel, Generic[Item]):
    value: list[Item]
    total: int
    next_page: int | None


def listing(page: Page) -> dict:
    return {
        "value": page.rows,
        "total": page.total,
        "next_page": page.number + 1 if page.number < page.pages else None,
    }
