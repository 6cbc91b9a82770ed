"""JSON web tokens (RFC 7519, HS256) that stand for a personal token for an hour, as Azure's clients want them.

Each names the token that it stands for, so that it ends when that one is revoked.
"""

import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import Any

from app.kit import crypto

LIFE_SECONDS = 3600
STORAGE = "atelier-storage"
"""The audience of those that open stored files only."""

_HEADER = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True)
class Claims:
    """`prefix` is set in tokens for stored files only: the keys below it, in the store of the workspace."""

    token_id: int
    audience: str
    expires_at: int
    workspace_id: int | None = None
    prefix: str | None = None


def mint(token_id: int, user: str, audience: str, *, seconds: int = LIFE_SECONDS, **more: Any) -> tuple[str, int]:
    """A token and the second, since 1970, at which it ends."""
    issued = int(time.time())
    expires = issued + seconds
    claims = {"aud": audience, "iss": "atelier", "sub": user, "upn": user, "oid": user, "tid": "atelier"}
    claims |= {"iat": issued, "nbf": issued, "exp": expires, "jti": token_id, **more}
    signed = f"{_encode(_HEADER)}.{_encode(claims)}"
    return f"{signed}.{_signature(signed)}", expires


def read(text: str) -> Claims | None:
    """What a token says; None for one that is not ours or has ended."""
    signed, _, signature = text.rpartition(".")
    if signed.count(".") != 1 or not crypto.is_signed(_hexadecimal(signature), "jwt", signed):
        return None
    claims = json.loads(_decode(signed.partition(".")[2]))
    if claims["exp"] <= time.time():
        return None
    return Claims(claims["jti"], claims["aud"], claims["exp"], claims.get("workspace"), claims.get("prefix"))


def _signature(signed: str) -> str:
    return _base64(bytes.fromhex(crypto.sign("jwt", signed)))


def _hexadecimal(signature: str) -> str:
    try:
        return _decode(signature).hex()
    except binascii.Error:
        return ""


def _encode(part: dict) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
