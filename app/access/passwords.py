"""Passwords, hashed with argon2id."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Invalid

LEAST = 10
_hasher: PasswordHasher
_nobody: str


def use(hasher: PasswordHasher) -> None:
    """Hash with other costs than the library's own, which follow RFC 9106."""
    global _hasher, _nobody
    _hasher = hasher
    # Checked when there is no such user, so that an unknown name takes as long as a wrong password.
    _nobody = hasher.hash("nobody has this password")


use(PasswordHasher())


def hash_password(password: str) -> str:
    if len(password) < LEAST:
        raise Invalid(f"A password needs at least {LEAST} characters; this has {len(password)}.", target="password")
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _nobody, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
