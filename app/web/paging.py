"""What lists are asked for, and how they look over REST: `{"value": […], "total": n, "next_page": n or null}`."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from app.kit.paging import Page

Item = TypeVar("Item")
PageNumber = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(ge=1, le=500)]


class Listing(BaseModel, Generic[Item]):
    value: list[Item]
    total: int
    next_page: int | None


class _Assets(BaseModel):
    text: str = ""
    sort: str = "-updated"


class AssetsAsked(_Assets):
    """The query of a list of assets over REST."""

    archived: bool = False
    page: int = Field(1, ge=1)
    size: int = Field(50, ge=1, le=500)

    @property
    def narrowing(self) -> dict[str, Any]:
        """As `Versioned.page` takes it."""
        return {**self.model_dump(exclude={"page"}), "number": self.page}


class AssetsShown(_Assets):
    """The query of a page that lists assets; `show` is "archived" or nothing."""

    show: str = ""
    page: int = Field(1, ge=1)

    @property
    def narrowing(self) -> dict[str, Any]:
        """As `Versioned.page` takes it."""
        archived = self.show == "archived"
        return {"text": self.text.strip(), "sort": self.sort, "archived": archived, "number": self.page, "size": 25}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text.strip()) or self.show == "archived"


AssetsAskedQuery = Annotated[AssetsAsked, Query()]
AssetsShownQuery = Annotated[AssetsShown, Query()]


def listing(page: Page, value: Sequence[Any] | None = None) -> dict:
    """`value` is what the rows look like, where that is not the rows themselves."""
    return {
        "value": page.rows if value is None else value,
        "total": page.total,
        "next_page": page.number + 1 if page.number < page.pages else None,
    }
