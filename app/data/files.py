"""Looks into the files of a data asset."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from app.assets.addresses import Elsewhere, InDatastore, Stored, parse
from app.data.tables import DataVersion
from app.datastores import service as datastores
from app.datastores.stores import Place, check_reachable, open_files, reaching
from app.errors import Invalid, NotFound, TooLarge
from app.kit.storage import Entry, Files, safe_key, store

PREVIEW_BYTES = 200_000
PREVIEW_ROWS = 50
MOST_COUNTED = 20_000
MOST_COPIED_BYTES = 2 << 30
TABLES = {"csv": ",", "tsv": "\t"}
IMAGES = ("png", "jpg", "jpeg", "gif", "webp")


@dataclass(frozen=True)
class Lying:
    """Where the files of a version lie: at or below `key` in `files`."""

    files: Files
    key: str
    path: str

    def entries(self, path: str = "") -> list[Entry]:
        """What lies directly under a path of the version, or the version's one file."""
        with reaching(self.path):
            if not path and self.key and (size := self.files.size(self.key)) is not None:
                return [Entry(self.key.rpartition("/")[2], False, size)]
            return self.files.list(safe_key(self.key, path))

    def file(self, path: str = "") -> tuple[str, int]:
        """The key and size of one file; a version that is one file needs no path. Raises NotFound and Invalid."""
        with reaching(self.path):
            if self.key and (size := self.files.size(self.key)) is not None:
                if path in ("", self.key.rpartition("/")[2]):
                    return self.key, size
            elif path:
                key = safe_key(self.key, path)
                if (size := self.files.size(key)) is not None:
                    return key, size
            elif self.files.list(self.key):
                raise Invalid("path: say which file of the folder.", target="path")
        what = f"file {path!r} in this version" if path else f"file at {self.path}"
        raise NotFound(f"path: there is no {what}.", target="path")

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with reaching(self.path):
            yield from self.files.read(key, start, end)

    def total_size(self) -> tuple[int, int, bool]:
        """Number of files and of bytes, and whether those are all: not more than MOST_COUNTED files are."""
        with reaching(self.path):
            if self.key and (size := self.files.size(self.key)) is not None:
                return 1, size, True
            sizes = [entry.size for entry in islice(self.files.walk(self.key), MOST_COUNTED + 1)]
        return len(sizes[:MOST_COUNTED]), sum(sizes[:MOST_COUNTED]), len(sizes) <= MOST_COUNTED


def lying(session: Session, workspace_id: int, path: str) -> Lying | None:
    """None for what lies at a URL, which only workers fetch. Raises NotFound and Invalid for what cannot be reached."""
    address = parse(path)
    if isinstance(address, Elsewhere):
        address = datastores.behind(session, workspace_id, address.url, "path")
    match address:
        case Stored(own):
            return Lying(store(), f"workspaces/{workspace_id}/{safe_key(own)}", path)
        case InDatastore():
            found = datastores.get(session, workspace_id, address.datastore, "path")
            check_reachable(found, "path")
            return Lying(open_files(Place.of(found)), safe_key(address.path), path)
    return None


def of_version(session: Session, workspace_id: int, version: DataVersion) -> Lying:
    found = lying(session, workspace_id, version.path)
    if found is None:
        raise Invalid(f"path: the files lie elsewhere: {version.path}", target="path")
    return found


def copy(there: Lying, key: str) -> None:
    """Store what lies there under a key. Raises NotFound for nothing, and TooLarge for more than a request copies."""
    if there.files is store():
        store().copy(there.key, key)
        return
    files, size, is_all = there.total_size()
    if not files:
        raise NotFound(f"path: there is nothing at {there.path}.", target="path")
    if size > MOST_COPIED_BYTES or not is_all:
        raise TooLarge(
            f"path: {there.path} holds more than {MOST_COPIED_BYTES:,} bytes or {MOST_COUNTED:,} files; copy it into "
            "the workspace with a job, and share its output.",
            target="path",
        )
    with reaching(there.path):
        if there.files.size(there.key) is not None:
            store().write(key, there.files.read(there.key))
            return
        for entry in there.files.walk(there.key):
            store().write(safe_key(key, entry.path), there.files.read(f"{there.key}/{entry.path}"))


def open_file(there: Lying, path: str) -> tuple[str, int, Iterator[bytes]]:
    key, size = there.file(path)
    return key.rpartition("/")[2].replace('"', ""), size, there.read(key)


def preview(there: Lying, path: str = "") -> dict:
    """`{"kind": "table", "columns", "rows"}`, `{"kind": "text", "text"}`, or `{"kind": "image" | "binary"}`."""
    key, size = there.file(path)
    suffix = key.rpartition(".")[2].lower()
    if suffix in IMAGES:
        return {"kind": "image", "size": size}
    data = b"".join(there.read(key, 0, PREVIEW_BYTES))
    if b"\0" in data:
        return {"kind": "binary", "size": size}
    text = data.decode(errors="replace")
    cut = len(data) == PREVIEW_BYTES < size
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
