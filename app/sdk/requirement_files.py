"""Conda and requirements files with the lines of the files that they name in place of `-r FILE`."""

import re
from pathlib import Path

from app.sdk.errors import BadFile

_NAMED = re.compile(r"""^(\s*(?:-\s+)?)["']?(?:-r|--requirement)[\s=]\s*([^\s"'#]+)["']?\s*(?:\#.*)?$""")
MOST_FILES = 50


def read_with_named(path: Path, root: Path | None = None, seen: tuple[Path, ...] = ()) -> str:
    """The text of a file and of those that it names, which lie in its folder or below.

    Raises BadFile for a file that there is not, that lies elsewhere or that names itself.
    """
    path = path.resolve()
    root = root or path.parent
    if not path.is_relative_to(root):
        raise BadFile(f"{seen[-1].name}: -r {path} lies outside of {root}; put the file there.")
    if path in seen or len(seen) > MOST_FILES:
        raise BadFile(f"{seen[-1].name}: -r {path.name} leads to itself.")
    try:
        lines = path.read_text().splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}.") from error
    return "".join(_line(line, path, root, (*seen, path)) for line in lines)


def _line(line: str, path: Path, root: Path, seen: tuple[Path, ...]) -> str:
    found = _NAMED.match(line)
    if not found:
        return line
    start, name = found.groups()
    named = read_with_named(path.parent / name, root, seen)
    kept = (text.strip() for text in named.splitlines())
    return "".join(f"{start}{_item(start, text)}\n" for text in kept if text and not text.startswith("#"))


def _item(start: str, text: str) -> str:
    """In a list of YAML a text is quoted, as it may hold what YAML reads otherwise."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'" if start.strip() == "-" else text
