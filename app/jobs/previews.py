"""Shows what is in a stored file: as an image, a table, text, or by saying how large it is."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

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
TABLES = {"csv": ",", "tsv": "\t"}
TEXTS = ("json", "md", "txt", "yaml", "yml", "log")


@dataclass(frozen=True)
class Preview:
    """`kind` is image, table, text or binary; `is_cut` says that the file goes on after what is shown."""

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


def files_below(key: str) -> list[Entry]:
    """The file at a key, or the files below it, at most MOST_FILES."""
    size = store().size(key)
    if size is not None:
        return [Entry(key.rpartition("/")[2], False, size)]
    found = []
    for entry in store().walk(key):
        found.append(entry)
        if len(found) == MOST_FILES:
            break
    return found


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


def preview(root: str, path: str) -> Preview:
    key = file_key(root, path)
    size, suffix = store().size(key), suffix_of(key)
    if suffix in IMAGES:
        return Preview(path, "image", size)
    data = b"".join(store().read(key, 0, min(size, SHOWN_BYTES)))
    if b"\0" in data:
        return Preview(path, "binary", size)
    text, is_cut = data.decode(errors="replace"), size > SHOWN_BYTES
    if suffix in TABLES:
        return _table(path, size, text, TABLES[suffix], is_cut)
    return Preview(path, "text", size, _laid_out(text) if suffix == "json" and not is_cut else text, is_cut=is_cut)


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
