"""Which files of a folder stay behind: `.amlignore`, else `.gitignore`, in git's pattern language."""

import re
from pathlib import Path

FILES = (".amlignore", ".gitignore")
NEVER = (".git", "__pycache__", ".ipynb_checkpoints")


class Ignored:
    """Called with a path relative to the folder; the last pattern that fits decides, `!` takes back."""

    def __init__(self, folder: Path) -> None:
        found = next((folder / name for name in FILES if (folder / name).is_file()), None)
        lines = found.read_text(errors="replace").splitlines() if found else []
        self._rules = [rule for rule in map(_rule, lines) if rule]

    def __call__(self, path: str, is_folder: bool) -> bool:
        if path.rpartition("/")[2] in NEVER:
            return True
        ignored = False
        for pattern, takes_back, folders_only in self._rules:
            if (is_folder or not folders_only) and pattern.fullmatch(path):
                ignored = not takes_back
        return ignored


def _rule(line: str) -> tuple[re.Pattern, bool, bool] | None:
    text = re.sub(r"(?<!\\)\s+$", "", line)
    if not text or text.startswith("#"):
        return None
    takes_back = text.startswith("!")
    text = text[1:] if takes_back else text.removeprefix("\\")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    anchored = "/" in text
    expression = _expression(text.lstrip("/"))
    return re.compile(expression if anchored else f"(?:.*/)?{expression}"), takes_back, folders_only


def _expression(pattern: str) -> str:
    """git's wildcards: `**` spans folders, `*` and `?` do not."""
    pieces, rest = [], pattern
    while rest:
        for form, meaning in (("**/", "(?:.*/)?"), ("/**", "/.*"), ("**", ".*"), ("*", "[^/]*"), ("?", "[^/]")):
            if rest.startswith(form) and (form != "/**" or len(rest) == 3):
                pieces.append(meaning)
                rest = rest[len(form) :]
                break
        else:
            group = re.match(r"\[[!^]?\]?[^\]]*\]", rest)
            if group:
                pieces.append(group[0].replace("[!", "[^", 1).replace("\\", "\\\\"))
                rest = rest[group.end() :]
            else:
                escaped = rest[0] == "\\" and len(rest) > 1
                pieces.append(re.escape(rest[escaped]))
                rest = rest[1 + escaped :]
    return "".join(pieces)
