"""Identifiers that sort by time, and secrets."""

import hashlib
import random
import secrets
import time


def sortable() -> str:
    """32 hexadecimal digits: 48 bits of milliseconds, then 80 random bits (the layout of a ULID). No secret."""
    return (int(time.time() * 1000) << 80 | random.getrandbits(80)).to_bytes(16, "big").hex()


def secret(prefix: str = "") -> str:
    """A new secret with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(value: str) -> str:
    """SHA-256 in hexadecimal. Enough for secrets of 256 random bits, which no dictionary holds."""
    return hashlib.sha256(value.encode()).hexdigest()
