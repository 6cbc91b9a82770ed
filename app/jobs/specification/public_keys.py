"""Public keys of `ssh_public_keys`, as a file such as `id_ed25519.pub` holds them."""

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization


def public_keys(text: str | None) -> list[str]:
    """Each stands on a line, or between commas; what is no public key is left out."""
    pieces = (piece.strip() for piece in re.split(r"[\n,]", text or ""))
    return [piece for piece in pieces if _is_public_key(piece)]


def _is_public_key(text: str) -> bool:
    try:
        serialization.load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
