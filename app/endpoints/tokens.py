"""Tokens for endpoints whose `auth_mode` is a token: each is its owner's, and lasts for an hour."""

from typing import Any

from app.access import bearer
from app.access.caller import Caller
from app.errors import Forbidden

REFRESH_BEFORE_SECONDS = 300


def of(caller: Caller, audience: str) -> dict[str, Any]:
    """Under the names of Azure ML's getToken; times are in seconds since 1970. Raises Forbidden for a session."""
    if caller.user.token_id is None:
        raise Forbidden("Tokens for scoring are given to those who come with a token, not with a browser's session.")
    text, expires = bearer.mint(caller.user.token_id, caller.user.name, audience)
    times = {"expiryTimeUtc": expires, "refreshAfterTimeUtc": expires - REFRESH_BEFORE_SECONDS}
    return {"accessToken": text, "tokenType": "Bearer", **times}
