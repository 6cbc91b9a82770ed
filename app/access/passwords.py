"""Passwords, hashed with argon2id."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Invalid

LEAST = 10
_hasher = PasswordHasher()


def use(hasher: PasswordHasher) -> None:
    """Hash with other costs than the library's own, which follow RFC 9106."""
    global _hasher
    _hasher = hasher
    _nobody.cache_clear()


@cache
def _nobody() -> str:
    """Checked when there is no such user, so that an unknown name takes as long as a wrong password."""
    return _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    if len(password) < LEAST:
        raise Invalid(f"A password needs at least {LEAST} characters; this has {len(password)}.", target="password")
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    # Made for any name, so that the first one that is unknown takes no longer either.
    nobody = _nobody()
    try:
        return _hasher.verify(password_hash or nobody, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
