"""Pages of a list: how many rows, after which, and the token for the next."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


def encode(position: Any) -> str:
    """An opaque token for a JSON-able position."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def decode(token: str) -> Any:
    """The position in a token; raises Invalid for one that this server never made."""
    try:
        return json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise Invalid("page_token is not one that this server gave out.", target="page_token") from error
