"""Shows what is in a stored file: as a picture, sound, film, page, table or text, or by saying how large it is."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from app.errors import NotFound
from app.kit.storage import Entry, safe_key, store

SHOWN_BYTES = 300_000
SHOWN_ROWS = 100
SHOWN_COLUMNS = 60
MOST_FILES = 2000
IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
PLAYED = {
    **dict.fromkeys(("mp3", "wav", "ogg", "oga", "flac", "m4a", "aac"), "audio"),
    **dict.fromkeys(("mp4", "webm", "mov", "m4v", "ogv"), "video"),
    "pdf": "pdf",
    "html": "html",
    "htm": "html",
}
"""What the browser shows of the file itself."""

TABLES = {"csv": ",", "tsv": "\t"}
MARKDOWN = ("md", "markdown")
MOST_MARKDOWN = 100_000
MOST_JSON = 5_000_000
"""Bytes of a JSON file that are read to see whether it is a table, which needs the whole file."""

TEXTS = ("json", "md", "txt", "yaml", "yml", "log")


@dataclass(frozen=True)
class Preview:
    """`kind` is image, audio, video, pdf, html, table, markdown, text or binary.

    `is_cut` says that the file goes on after what is shown.
    """

    path: str
    kind: str
    size: int
    text: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    is_cut: bool = False


@dataclass
class Node:
    """A file or folder within a tree; `path` is relative to the tree's root."""

    name: str
    path: str
    size: int = 0
    is_folder: bool = False
    inside: "list[Node]" = field(default_factory=list)


def suffix_of(path: str) -> str:
    return path.rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else ""


class Files(list[Entry]):
    """A page of files, counted from 1, and the place of its first; `goes_on` says that there is another."""

    def __init__(self, entries: Sequence[Entry], number: int = 1) -> None:
        super().__init__(entries[:MOST_FILES])
        self.number, self.first = number, (number - 1) * MOST_FILES + 1
        self.goes_on = len(entries) > MOST_FILES


def files_below(key: str, number: int = 1) -> Files:
    """The file at a key, or the files below it, MOST_FILES a page."""
    size = store().size(key)
    if size is not None:
        return Files([Entry(key.rpartition("/")[2], False, size)])
    before = (number - 1) * MOST_FILES
    return Files(list(islice(store().walk(key), before, before + MOST_FILES + 1)), number)


def tree(files: Sequence[Entry]) -> list[Node]:
    """Files as a tree, folders first, by name."""
    root = Node("", "", is_folder=True)
    folders = {"": root}
    for entry in files:
        folder, _, name = entry.path.rpartition("/")
        _folder(folders, folder).inside.append(Node(name, entry.path, entry.size))
    for node in folders.values():
        node.inside.sort(key=lambda found: (not found.is_folder, found.name.lower()))
    return root.inside


def _folder(folders: dict[str, Node], path: str) -> Node:
    if path not in folders:
        above, _, name = path.rpartition("/")
        folders[path] = Node(name, path, is_folder=True)
        _folder(folders, above).inside.append(folders[path])
    return folders[path]


def likeliest(files: Sequence[Entry], command: str) -> str:
    """The file that a reader wants to see first: the one that the command names, else the first."""
    words = command.replace('"', " ").replace("'", " ").split()
    named = [entry.path for entry in files if entry.path in words or f"./{entry.path}" in words]
    return (named or [entry.path for entry in files] or [""])[0]


def most_telling(files: Sequence[Entry]) -> str:
    """The file of a result that says most at a glance: a picture, what describes a model, text; else the first."""

    def rank(entry: Entry) -> tuple[int, int]:
        suffix = suffix_of(entry.path)
        known = suffix in IMAGES, entry.path.endswith("MLmodel"), suffix in TABLES or suffix in TEXTS
        return (known.index(True) if any(known) else len(known)), entry.path.count("/")

    return min(files, key=rank).path if files else ""


def file_key(root: str, path: str) -> str:
    """The key of a file at or below a root; raises NotFound when there is none."""
    key = root if store().size(root) is not None else safe_key(root, path)
    if store().size(key) is None:
        raise NotFound(f"path: there is no file {path!r}.", target="path")
    return key


def find(root: str, path: str) -> Preview | None:
    """What is at a path below a root, if there is a file."""
    return preview(root, path) if store().size(safe_key(root, path)) is not None else None


def preview(root: str, path: str) -> Preview:
    key = file_key(root, path)
    size, suffix = store().size(key), suffix_of(key)
    if suffix in IMAGES:
        return Preview(path, "image", size)
    if suffix in PLAYED:
        return Preview(path, PLAYED[suffix], size)
    data = b"".join(store().read(key, 0, min(size, MOST_JSON if suffix == "json" else SHOWN_BYTES)))
    if b"\0" in data:
        return Preview(path, "binary", size)
    if suffix == "json" and (table := _json_table(path, size, data)):
        return table
    is_cut = size > SHOWN_BYTES
    text = data[:SHOWN_BYTES].decode(errors="replace")
    if suffix in TABLES:
        return _table(path, size, text, TABLES[suffix], is_cut)
    if suffix in MARKDOWN and size <= MOST_MARKDOWN:
        return Preview(path, "markdown", size, text)
    return Preview(path, "text", size, _laid_out(text) if suffix == "json" and not is_cut else text, is_cut=is_cut)


def _json_table(path: str, size: int, data: bytes) -> Preview | None:
    """The table in a file of `mlflow.log_table`, which is pandas' orient "split": `{"columns": […], "data": [[…]]}`."""
    if size > MOST_JSON:
        return None
    try:
        found = json.loads(data)
    except ValueError:
        return None
    if not isinstance(found, dict) or not {"columns", "data"} <= found.keys() <= {"columns", "data", "index"}:
        return None
    columns, rows = found["columns"], found["data"]
    if not isinstance(columns, list) or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return None
    shown = [[_cell(cell) for cell in row[:SHOWN_COLUMNS]] for row in rows[:SHOWN_ROWS]]
    names = [str(name) for name in columns[:SHOWN_COLUMNS]]
    return Preview(path, "table", size, columns=names, rows=shown, is_cut=len(rows) > SHOWN_ROWS)


def _cell(value) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _laid_out(text: str) -> str:
    """JSON that was written on one line, over several."""
    try:
        return text if "\n" in text.strip() else json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _table(path: str, size: int, text: str, delimiter: str, is_cut: bool) -> Preview:
    # A row may hold line breaks within quotes, so the reader sees the text as it is.
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row[:SHOWN_COLUMNS])
            if len(rows) > SHOWN_ROWS + 1:
                break
    except csv.Error:
        return Preview(path, "text", size, text, is_cut=is_cut)
    more = is_cut or len(rows) > SHOWN_ROWS + 1
    return Preview(path, "table", size, columns=rows[0] if rows else [], rows=rows[1 : SHOWN_ROWS + 1], is_cut=more)
