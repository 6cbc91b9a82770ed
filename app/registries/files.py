"""Brings the files that a definition names along when it goes from one workspace's store to another's."""

import hashlib
from typing import Any

from app.assets.addresses import Stored, parse, stored_address
from app.kit.storage import safe_key, store

_BEGINNING = stored_address("")


def bring(value: Any, source: int, target: int) -> Any:
    """The same JSON value with addresses that hold in the workspace `target`; what lies there already stays.

    Files lie under a digest of where they came from, so that as many as want them find one copy.
    """
    match value:
        case dict():
            return {key: bring(item, source, target) for key, item in value.items()}
        case list():
            return [bring(item, source, target) for item in value]
        case str() if value.startswith(_BEGINNING):
            return _copied(value, source, target)
    return value


def _copied(address: str, source: int, target: int) -> str:
    found = parse(address)
    if not isinstance(found, Stored):
        return address
    path = safe_key(found.path)
    digest = hashlib.sha256(f"{source}:{path}".encode()).hexdigest()[:32]
    there = f"uploads/{digest}/{path.rpartition('/')[2]}"
    key = f"workspaces/{target}/{there}"
    if store().size(key) is None and not store().list(key):
        store().copy(f"workspaces/{source}/{path}", key)
    return stored_address(there)
