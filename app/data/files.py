"""Looks into the files of a data asset."""

import csv
import io
from collections.abc import Iterator

from app.assets.addresses import Stored, parse
from app.data.service import workspace_key
from app.data.tables import DataVersion
from app.errors import Invalid, NotFound
from app.kit.storage import Entry, safe_key, store

PREVIEW_BYTES = 200_000
PREVIEW_ROWS = 50
TABLES = {"csv": ",", "tsv": "\t"}
IMAGES = ("png", "jpg", "jpeg", "gif", "webp")


def base_key(workspace_id: int, version: DataVersion) -> str | None:
    """The storage key of a version's file or folder; None when it lies elsewhere."""
    address = parse(version.path)
    return workspace_key(workspace_id, safe_key(address.path)) if isinstance(address, Stored) else None


def listing(workspace_id: int, version: DataVersion, path: str = "") -> list[Entry]:
    key = base_key(workspace_id, version)
    if key is None:
        return []
    size = store().size(key)
    if size is not None:
        return [Entry(key.rpartition("/")[2], False, size)]
    return store().list(safe_key(key, path))


def _file_key(workspace_id: int, version: DataVersion, path: str) -> str:
    key = base_key(workspace_id, version)
    if key is None:
        raise Invalid(f"The files lie elsewhere: {version.path}", target="path")
    if store().size(key) is None:
        if not path:
            raise Invalid("path: say which file of the folder.", target="path")
        key = safe_key(key, path)
    if store().size(key) is None:
        raise NotFound(f"path: there is no file {path!r} in this version.", target="path")
    return key


def open_file(workspace_id: int, version: DataVersion, path: str) -> tuple[str, int, Iterator[bytes]]:
    key = _file_key(workspace_id, version, path)
    name = key.rpartition("/")[2].replace('"', "")
    return name, store().size(key), store().read(key)


def preview(workspace_id: int, version: DataVersion, path: str = "") -> dict:
    """`{"kind": "table", "columns", "rows"}`, `{"kind": "text", "text"}`, or `{"kind": "image" | "binary"}`."""
    key = _file_key(workspace_id, version, path)
    suffix = key.rpartition(".")[2].lower()
    size = store().size(key)
    if suffix in IMAGES:
        return {"kind": "image", "size": size}
    data = b"".join(store().read(key, 0, min(size, PREVIEW_BYTES)))
    if b"\0" in data:
        return {"kind": "binary", "size": size}
    text = data.decode(errors="replace")
    cut = size > PREVIEW_BYTES
    if suffix in TABLES:
        return _table(text, TABLES[suffix], cut) | {"size": size}
    return {"kind": "text", "text": text, "cut": cut, "size": size}


def _table(text: str, delimiter: str, cut: bool) -> dict:
    lines = text.splitlines()
    if cut:
        lines = lines[:-1]
    rows = csv.reader(io.StringIO("\n".join(lines[: PREVIEW_ROWS + 1])), delimiter=delimiter)
    columns = next(rows, [])
    return {"kind": "table", "columns": columns, "rows": list(rows), "cut": cut or len(lines) > PREVIEW_ROWS + 1}
