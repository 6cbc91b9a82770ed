"""The expressions of a command: `${{inputs.x}}`, `${{outputs.y}}` and optional parts `$[[…]]`.

Source: Azure ML CLI v2, core YAML syntax.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from app.errors import Invalid

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_PORT = re.compile(r"(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)")
_PLAIN = re.compile(r"[A-Za-z0-9_./:=,@%+-]*")
_ELSEWHERE = {"search_space": "a sweep job", "parent": "a pipeline job"}
_FORMS = "a command takes `${{inputs.NAME}}` and `${{outputs.NAME}}`."
_SPECIAL = set(";&|<>()$`\\\"'*?[]{}~!#")


@dataclass(frozen=True)
class Use:
    """`start` is where the expression stands in the command; one in an optional part may name nothing."""

    kind: str
    name: str
    start: int
    is_optional: bool


def uses(command: str) -> list[Use]:
    """The expressions of a command in order; raises Invalid for one that means nothing in a command."""
    optional = [found.span() for found in _OPTIONAL.finditer(command)]
    return [
        _use(found, any(start <= found.start() < end for start, end in optional))
        for found in _EXPRESSION.finditer(command)
    ]


def _use(found: re.Match, is_optional: bool) -> Use:
    text = found[1].strip()
    if port := _PORT.fullmatch(text):
        return Use(port[1], port[2], found.start(), is_optional)
    elsewhere = _ELSEWHERE.get(text.split(".")[0])
    problem = f"means something only in {elsewhere}" if elsewhere else "is no expression"
    raise Invalid(f"`{found[0]}` {problem}; {_FORMS}", target="command")


def unknown(use: Use, known: Iterable[str]) -> str:
    """What to say about an expression that names no port."""
    known = sorted(known)
    close = get_close_matches(use.name, known, 1, 0.6)
    if close:
        hint = f"did you mean `${{{{{use.kind}.{close[0]}}}}}`?"
    else:
        hint = f"the job has: {', '.join(known)}." if known else f"the job has no {use.kind}."
    return f"there is no {use.kind[:-1]} `{use.name}` for `${{{{{use.kind}.{use.name}}}}}`; {hint}"


def render_command(job: Any, input_values: Mapping[str, str], output_paths: Mapping[str, str]) -> str:
    """The bash command of a job (or of its text) with every expression replaced.

    `input_values` holds literals as text and, for assets, the absolute local path; `output_paths` absolute
    local folders. An optional part `$[[…]]` is dropped when an input in it has no value.

    Values are substituted as Azure ML does, with one difference: no character of a value is special to
    bash, wherever the expression stands (bare, in '…' or in "…"), so `$(rm -rf ~)` stays text. A literal
    that stands bare is still split at spaces, as in Azure ML, so that one input can hold several arguments;
    put the expression in quotes to keep it whole. Paths are never split.

    Raises Invalid for an expression that names no port, with the ports that exist.
    """
    command = job if isinstance(job, str) else job.command
    ports = {"inputs": input_values, "outputs": output_paths}
    command = _OPTIONAL.sub(lambda found: _optional_part(found[1], ports), command)
    return _substitute(command, lambda use: _value(use, ports))


def _optional_part(text: str, ports: Mapping[str, Mapping[str, str]]) -> str:
    return text if all(ports[use.kind].get(use.name) not in (None, "") for use in uses(text)) else ""


def _value(use: Use, ports: Mapping[str, Mapping[str, str]]) -> tuple[str, bool]:
    if use.name not in ports[use.kind]:
        raise Invalid(f"command: {unknown(use, ports[use.kind])}", target="command")
    value = str(ports[use.kind][use.name])
    return value, use.kind == "outputs" or value.startswith("/")


def _substitute(command: str, value_of: Callable[[Use], tuple[str, bool]]) -> str:
    pieces, state, end = [], _Quotes(), 0
    for found in _EXPRESSION.finditer(command):
        before = command[end : found.start()]
        state.read(before)
        value, is_path = value_of(_use(found, False))
        pieces += [before, _quoted(value, state.open, is_path)]
        end = found.end()
    return "".join(pieces) + command[end:]


def _quoted(value: str, quote: str, is_path: bool) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r'([\\$"`])', r"\\\1", value)
    if is_path:
        return "'" + value.replace("'", "'\\''") + "'"
    return "".join(_bare(character) for character in value)


def _bare(character: str) -> str:
    if character == "\n":
        return "'\n'"
    return f"\\{character}" if character in _SPECIAL else character


class _Quotes:
    """Follows which quote is open while a command is read: `'`, `"` or none."""

    def __init__(self) -> None:
        self.open = ""
        self._in_comment = False
        self._escaped = False
        self._previous = "\n"

    def read(self, text: str) -> None:
        for character in text:
            self._read(character)
            self._previous = character

    def _read(self, character: str) -> None:
        if self._in_comment:
            self._in_comment = character != "\n"
        elif self._escaped:
            self._escaped = False
        elif character == "\\" and self.open != "'":
            self._escaped = True
        elif self.open:
            self.open = "" if character == self.open else self.open
        elif character in "'\"":
            self.open = character
        elif character == "#" and self._previous in " \t\n;":
            self._in_comment = True
