"""Prints answers as a table, JSON, YAML or TSV, whole or what a query takes of them."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from app.errors import Invalid


class Form(str):
    """One of the formats, with the JMESPath `query` that is asked of each answer.

    Raises Invalid for one that cannot be read, before any answer is asked for.
    """

    query: Any

    def __new__(cls, format: str, query: str | None = None) -> "Form":
        made = super().__new__(cls, format)
        made.query = _compiled(query) if query else None
        return made


def _compiled(query: str):
    import jmespath

    try:
        return jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise Invalid(f"--query {query!r} is no JMESPath: {str(error).splitlines()[0]}", target="query") from error


def print_list(rows: Iterable[dict], columns: Sequence[str], output: str, empty: str) -> None:
    rows = list(rows)
    if output != "table" or _query_of(output):
        print_raw(rows, output)
    elif rows:
        print_table(rows, columns)
    else:
        print(empty, file=sys.stderr)


def print_one(row: dict, fields: Sequence[str], output: str) -> None:
    if output != "table" or _query_of(output):
        print_raw(row, output)
        return
    shown = [(name, _cell(row.get(name))) for name in fields if row.get(name) not in (None, "", {}, [])]
    width = max((len(name) for name, _ in shown), default=0)
    for name, text in shown:
        print(f"{name:<{width}}  {text}")


def _query_of(output: str) -> Any:
    return getattr(output, "query", None)


def _asked(value: Any, output: str) -> Any:
    """Raises Invalid where a function of the query does not take what it is given."""
    query = _query_of(output)
    if query is None:
        return value
    from jmespath.exceptions import JMESPathError

    try:
        return query.search(value)
    except JMESPathError as error:
        raise Invalid(f"--query: {str(error).splitlines()[0]}", target="query") from error


def print_raw(value: Any, output: str) -> None:
    """What the query takes of `value`, or all of it. As a table it has the columns that the query makes."""
    value = _asked(value, output)
    if output == "none":
        return
    if output == "tsv":
        for row in value if isinstance(value, list) else [] if value is None else [value]:
            print(_tsv(row))
    elif output == "table":
        _print_asked(value)
    elif output == "yaml":
        import yaml

        print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), end="")
    else:
        print(json.dumps(value, indent=2, ensure_ascii=False))


def _tsv(row: Any) -> str:
    """As Azure's command line writes it, so that scripts read the same: a list within a row is its length."""
    if isinstance(row, dict | list):
        return "\t".join(map(_tsv_cell, row.values() if isinstance(row, dict) else row))
    return str(row).lower() if isinstance(row, bool) else _tsv_cell(row)


def _tsv_cell(value: Any) -> str:
    if isinstance(value, dict):
        return ""
    return str(len(value)) if isinstance(value, list) else _line(str(value))


def print_import(report, output: str, *, dry_run: bool = False) -> None:
    """What came, and what could not come and why."""
    answer = report.as_json() | {"dry_run": dry_run}
    if output != "table":
        print_raw(answer, output)
        return
    print_table(answer["records"], ("kind", "new", "here_already", "not_whole"))
    ending = "would come; nothing was written" if dry_run else "came"
    print(f"{report.points:,} metric points, {report.files:,} files, {report.bytes:,} bytes {ending}")
    if not report.is_whole:
        print("\nCould not come:")
        for line in report.reasons():
            print(f"  {line}")


def print_table(rows: list[dict], columns: Sequence[str]) -> None:
    """Columns as wide as their content; on a terminal the last one is cut at its edge."""
    lines = [[column.replace("_", " ").upper() for column in columns]]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    edge = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        print(text[:edge] if edge else text)


def _print_asked(value: Any) -> None:
    rows = value if isinstance(value, list) else [] if value is None else [value]
    if rows and all(isinstance(row, dict) for row in rows):
        print_table(rows, list(dict.fromkeys(name for row in rows for name in row)))
        return
    for row in rows:
        print("  ".join(_cells(row)))


def _cells(row: Any) -> list[str]:
    """One line of cells; a tab or a line's end within a cell would begin another."""
    cells = row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row]
    return [_cell(item) for item in cells]


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case dict():
            return ", ".join(f"{key}={_nested(item)}" for key, item in value.items() if item is not None)
        case list():
            return ", ".join(map(_cell, value))
    return _line(str(value))


def _line(text: str) -> str:
    return " ".join(text.split())


def _nested(value: Any) -> str:
    text = _cell(value)
    return f"{{{text}}}" if isinstance(value, dict) else f"[{text}]" if isinstance(value, list) else text
