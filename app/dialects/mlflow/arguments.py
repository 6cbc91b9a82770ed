"""The arguments of a call as MLflow's protocol reads them: JSON or query, checked field by field.

As in protobuf's JSON, whole numbers may come as text and NaN or Infinity as words.
"""

import json
import math
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response

from app.errors import Invalid
from app.kit import paging
from app.kit.clock import from_milliseconds
from app.tracking.names import LARGEST_INTEGER

LATEST_MS = 253_402_300_799_000
"""The end of the year 9999."""

_WORDS = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
}


class Arguments:
    """`path` leads to this object within the request, for messages."""

    def __init__(self, fields: dict[str, Any], path: str = "") -> None:
        self.fields = fields
        self.path = path

    def __contains__(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def _named(self, name: str) -> str:
        return f"{self.path}{name}"

    def _missing(self, name: str) -> Invalid:
        return Invalid(f"Missing value for required parameter '{self._named(name)}'.", target=self._named(name))

    def _wrong(self, name: str, value: Any, wanted: str) -> Invalid:
        shown = json.dumps(value)[:100]
        return Invalid(
            f"Invalid value {shown} for parameter '{self._named(name)}' supplied: it must be {wanted}.",
            target=self._named(name),
        )

    def text(self, name: str) -> str:
        """A text that must be there and not be empty."""
        value = self.optional_text(name)
        if not value:
            raise self._missing(name)
        return value

    def value(self, name: str) -> str:
        """A text that must be there and may be empty."""
        value = self.fields.get(name)
        if value is None:
            raise self._missing(name)
        return self.optional_text(name)

    def optional_text(self, name: str, default: str = "") -> str:
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(name, value, "a text")
        return value if isinstance(value, str) else str(value)

    def integer(self, name: str, default: int | None = None) -> int:
        """A 64-bit integer; without a default it must be there."""
        value = self.fields.get(name)
        if value is None:
            if default is None:
                raise self._missing(name)
            return default
        if type(value) is int:
            number = value
        else:
            number = self._whole(name, value)
        if not -LARGEST_INTEGER - 1 <= number <= LARGEST_INTEGER:
            raise self._wrong(name, value, "an integer of 64 bits")
        return number

    def _whole(self, name: str, value: Any) -> int:
        try:
            if isinstance(value, str):
                return int(value)
            if isinstance(value, float) and value.is_integer():
                return int(value)
        except ValueError:
            pass
        raise self._wrong(name, value, "an integer")

    def time(self, name: str) -> datetime | None:
        """A time in milliseconds since 1970; 0 and nothing given mean none."""
        value = self.integer(name, 0)
        if not 0 <= value <= LATEST_MS:
            raise Invalid(f"{self._named(name)} is no time in milliseconds since 1970.", target=name)
        return from_milliseconds(value) if value else None

    def number(self, name: str) -> float:
        value = self.fields.get(name)
        if value is None:
            raise self._missing(name)
        if type(value) is float or type(value) is int:
            return float(value)
        if value in _WORDS:
            return _WORDS[value]
        try:
            if isinstance(value, str):
                return float(value)
        except ValueError:
            pass
        raise self._wrong(name, value, 'a number, "NaN", "Infinity" or "-Infinity"')

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._wrong(name, value, "true or false")

    def choice(self, name: str, known: dict[str, Any] | list[str], default: str = "") -> str:
        value = self.optional_text(name, default) or default
        if value and value not in known:
            raise self._wrong(name, value, "one of " + ", ".join(known))
        return value

    def texts(self, name: str) -> list[str]:
        value = self.fields.get(name)
        if value is None:
            return []
        value = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str | int) for item in value):
            raise self._wrong(name, value, "a list of texts")
        return [str(item) for item in value]

    def objects(self, name: str) -> list["Arguments"]:
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(name, value, "a list of objects")
        return [Arguments(item, f"{self._named(name)}[{index}].") for index, item in enumerate(value)]

    def object(self, name: str) -> "Arguments":
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self._missing(name) if value is None else self._wrong(name, value, "an object")
        return Arguments(value, f"{self._named(name)}.")

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """A list of `{"key", "value"}`."""
        return [(item.text("key"), item.optional_text("value")) for item in self.objects(name)]

    def count(self, default: int, most: int) -> int:
        """`max_results`: from 1 to `most`."""
        found = self.integer("max_results", default)
        if not 1 <= found <= most:
            raise self._wrong("max_results", found, f"a positive integer of at most {most}")
        return found

    def offset(self) -> int:
        """Where a page begins; raises Invalid for a token that this server never gave out."""
        token = self.optional_text("page_token")
        if not token:
            return 0
        position = paging.decode(token)
        if not isinstance(position, dict) or not isinstance(position.get("offset"), int) or position["offset"] < 0:
            raise Invalid("page_token is not one that this server gave out.", target="page_token")
        return position["offset"]


def run_id_of(arguments: Arguments) -> str:
    """Old clients say `run_uuid`."""
    return arguments.optional_text("run_id") or arguments.optional_text("run_uuid") or arguments.text("run_id")


async def arguments_of(request: Request) -> Arguments:
    fields: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        known = fields.get(name)
        fields[name] = value if known is None else [*(known if isinstance(known, list) else [known]), value]
    body = await request.body() if request.method != "GET" else b""
    if body:
        try:
            given = json.loads(body)
        except ValueError as error:
            raise Invalid(f"The body of the request is no JSON: {error}.", target="body") from error
        if not isinstance(given, dict):
            raise Invalid("The body of the request must be a JSON object.", target="body")
        fields |= given
    return Arguments(fields)


ArgumentsDep = Annotated[Arguments, Depends(arguments_of)]


def answer(body: dict | None = None, status: int = 200) -> Response:
    """Rendered here, because FastAPI's encoder walks every value of a long answer."""
    return Response(orjson.dumps(body or {}), status, media_type="application/json")


def token_after(offset: int, count: int) -> str:
    return paging.encode({"offset": offset + count})


def paged(name: str, items: list, offset: int, count: int, **more) -> Response:
    """A page of a list; `items` holds one more than `count` when there is a next page."""
    return page(name, items[:count], offset, count, is_last=len(items) <= count, **more)


def page(name: str, items: list, offset: int, count: int, *, is_last: bool, **more) -> Response:
    """The list is left out where it is empty, as protobuf's JSON does."""
    body: dict[str, Any] = {name: items} if items else {}
    if not is_last:
        body["next_page_token"] = token_after(offset, count)
    return answer(body | more)
