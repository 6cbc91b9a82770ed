"""Reads the fields of one mapping of a YAML file and remembers everything that is wrong with them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from app.errors import Invalid
from app.kit.documents import Document, Path, dotted


@dataclass
class Problems:
    """What was found in a file: the first problem is the message of the error, the others its details.

    Fields that do not exist are warnings, as for Azure ML's own client.
    """

    document: Document
    found: list[tuple[tuple[int, int], str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, path: Path, text: str, *, key: bool = False) -> None:
        place = self.document.place(path, key=key) or (0, 0)
        self.found.append((place, dotted(path), f"{self.document.where(path, key=key)}: {text}"))

    def warn(self, path: Path, text: str) -> None:
        self.warnings.append(f"{self.document.where(path, key=True)}: {text}")

    def raise_found(self) -> None:
        if self.found:
            (_, target, message), *others = sorted(self.found, key=lambda problem: problem[0])
            raise Invalid(message, target=target or None, details=[text for _, _, text in others])


class Section:
    """One mapping; every reader notes a problem and answers None where a value is not what it should be."""

    def __init__(self, problems: Problems, value: dict, path: Path = (), what: str = "a command job") -> None:
        self.problems = problems
        self.values = value
        self.path = path
        self.what = what

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def wrong(self, name: str, text: str) -> None:
        self.problems.add((*self.path, name), f"`{self.name_of(name)}` {text}")

    def warn(self, name: str, text: str) -> None:
        self.problems.warn((*self.path, name), f"`{self.name_of(name)}` {text}")

    def name_of(self, name: str) -> str:
        return dotted((*self.path, name))

    def check_fields(self, known: Iterable[str], tolerated: Iterable[str] = ()) -> None:
        """Warn of fields that do not exist, with the one that was probably meant."""
        known = list(known)
        for name in self.values:
            if name in tolerated:
                self.warn(name, "is set by the server and not read.")
            elif name not in known and name != "$schema":
                self.warn(name, f"is not a field of {self.what}; {self._meant(name, known)}")

    def _meant(self, name: str, known: list[str]) -> str:
        close = get_close_matches(name.lower(), known, 1, 0.6)
        return f"did you mean `{close[0]}`?" if close else f"it has: {', '.join(sorted(known))}."

    def text(self, name: str, *, required: bool = False) -> str | None:
        value = self.values.get(name)
        if value is None:
            if required:
                self._missing(name)
            return None
        if isinstance(value, dict | list):
            self.wrong(name, f"must be text, not {kind_of(value)}.")
            return None
        return as_text(value)

    def _missing(self, name: str) -> None:
        close = get_close_matches(name, list(self.values), 1, 0.75)
        if not close or name in self.values:
            self.wrong(name, f"is missing: {self.what} needs it.")
            return
        text = f"`{self.name_of(close[0])}` is not a field of {self.what}; did you mean `{name}`? It is needed."
        self.problems.add((*self.path, close[0]), text, key=True)

    def integer(self, name: str, *, least: int = 0) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.wrong(name, f"is {value!r}; it must be a whole number of {least} or more.")
            return None
        return value

    def boolean(self, name: str, default: bool) -> bool:
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        self.wrong(name, f"is {value!r}; it must be true or false.")
        return default

    def choice(self, name: str, allowed: Iterable[str], default: str | None = None) -> str | None:
        value = self.text(name)
        allowed = list(allowed)
        if value is None:
            return default
        if value not in allowed:
            close = get_close_matches(value.lower(), allowed, 1, 0.6)
            hint = f"did you mean `{close[0]}`?" if close else f"it must be one of: {', '.join(allowed)}."
            self.wrong(name, f"is {value!r}; {hint}")
            return default
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(name, f"must be a mapping of names to values, not {kind_of(value)}.")
            return {}
        return value

    def section(self, name: str, what: str | None = None) -> "Section":
        return Section(self.problems, self.mapping(name), (*self.path, name), what or f"`{self.name_of(name)}`")

    def texts(self, name: str) -> dict[str, str]:
        """A mapping of names to text; numbers and booleans are written as text."""
        inner = self.section(name)
        return {key: inner.text(key) or "" for key in inner.values}


def as_text(value: str | bool | int | float) -> str:
    return value if isinstance(value, str) else str(value)


def kind_of(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case dict():
            return "a mapping"
        case list():
            return "a list"
    return "text"
