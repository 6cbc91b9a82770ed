"""Encrypts secrets at rest with the server's key."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from app.errors import Unavailable

_fernet: Fernet | None = None


def connect(secret_key: str) -> None:
    global _fernet
    key = hashlib.sha256(b"atelier.encrypt:" + secret_key.encode()).digest()
    _fernet = Fernet(base64.urlsafe_b64encode(key))


def encrypt(value: str) -> str:
    return _fernet.encrypt(value.encode()).decode()


def decrypt(value: str) -> str:
    """The plain value; raises Unavailable when the server's key is another one than at encryption."""
    try:
        return _fernet.decrypt(value.encode()).decode()
    except InvalidToken as error:
        raise Unavailable("A stored secret cannot be read: the server's secret_key has changed.") from error
