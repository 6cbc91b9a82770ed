"""Encrypts secrets at rest, and signs, with the server's key."""

import base64
import hashlib
import hmac
import json

from cryptography.fernet import Fernet, InvalidToken

from app.errors import Unavailable

_fernet: Fernet | None = None
_signing_key = b""


def connect(secret_key: str) -> None:
    global _fernet, _signing_key
    key = hashlib.sha256(b"atelier.encrypt:" + secret_key.encode()).digest()
    _fernet = Fernet(base64.urlsafe_b64encode(key))
    _signing_key = hashlib.sha256(b"atelier.sign:" + secret_key.encode()).digest()


def encrypt(value: str) -> str:
    return _fernet.encrypt(value.encode()).decode()


def decrypt(value: str) -> str:
    """The plain value; raises Unavailable when the server's key is another one than at encryption."""
    try:
        return _fernet.decrypt(value.encode()).decode()
    except InvalidToken as error:
        raise Unavailable("A stored secret cannot be read: the server's secret_key has changed.") from error


def sign(*parts: str | int) -> str:
    """The HMAC-SHA256 of the parts in hexadecimal, by which the server knows its own words again."""
    return hmac.new(_signing_key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def is_signed(signature: str, *parts: str | int) -> bool:
    return is_same(signature, sign(*parts))


def is_same(given: str, expected: str) -> bool:
    """Compares in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())
