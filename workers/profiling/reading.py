"""Reads files of tables into DuckDB as the one table `data`, as far as they can be read."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

NULLS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
MOST_ROWS = 5_000_000
MOST_CELLS = 100_000_000
MOST_COLUMNS = 300
_DELIMITERS = {"csv": ",;\t|", "tsv": "\t"}
_LOOKED_AT = 64 << 10
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|\.\d+)([eE][-+]?\d+)?\s*")


@dataclass
class Loaded:
    """`left_out` lines could not be read, of which `why` tells the first; `is_cut` where not all rows are in it."""

    columns: list[tuple[str, str]]
    all_columns: int
    rows: int
    is_cut: bool
    left_out: int = 0
    why: str = ""
    notes: list[str] = field(default_factory=list)


class Unreadable(Exception):
    """The message is for whoever wants the profile."""


def load(connection: duckdb.DuckDBPyConnection, files: list[str], format: str, options: dict) -> Loaded:
    """Raises Unreadable that says what is wrong with the files."""
    last = ""
    for source, note in _sources(files, format, options):
        try:
            loaded = _load(connection, source, options)
        except duckdb.Error as error:
            last = last or _first_lines(error)
            continue
        loaded.notes += [note] if note else []
        return loaded
    raise Unreadable(f"The files are no {format} that can be read: {last}")


def _sources(files: list[str], format: str, options: dict):
    """Table functions of DuckDB to be tried in this order, each with what is to be told of it."""
    names = f"[{', '.join(_text(name) for name in files)}]"
    if format == "parquet":
        yield f"read_parquet({names}, union_by_name=true)", ""
    elif format in ("jsonl", "json"):
        form = "newline_delimited" if format == "jsonl" else "auto"
        yield f"read_json({names}, format='{form}', union_by_name=true)", ""
        yield f"read_json({names}, format='{form}', union_by_name=true, sample_size=-1)", ""
    else:
        yield from _of_delimited(names, files[0], format, options)


def _of_delimited(names: str, first: str, format: str, options: dict):
    encoding = options.get("encoding") or _encoding(first)
    delimiter, has_header = _dialect(first, format, encoding)
    delimiter = options.get("delimiter") or delimiter
    has_header = options.get("header", has_header)
    said = f"delim={_text(delimiter)}, header={str(has_header).lower()}, quote='\"', escape='\"', skip=0"
    nulls = ", ".join(_text(text) for text in NULLS)
    form = f"read_csv({names}, {said}, nullstr=[{nulls}], encoding={_text(encoding)}"
    note = "" if encoding == "utf-8" else f"The files are no UTF-8 and were read as {encoding}."
    yield f"{form}, union_by_name=true)", note
    # A value far down may be of another type than those above it.
    yield f"{form}, union_by_name=true, sample_size=-1)", note
    yield f"{form}, sample_size=-1, ignore_errors=true, store_rejects=true)", note


def _load(connection: duckdb.DuckDBPyConnection, source: str, options: dict) -> Loaded:
    described = connection.execute(f"DESCRIBE FROM {source}").fetchall()
    wanted = [row[:2] for row in described if _is_wanted(row[0], options)]
    if not wanted:
        raise Unreadable("There are no columns.")
    columns = wanted[:MOST_COLUMNS]
    most = min(options.get("take") or MOST_ROWS, MOST_ROWS, max(MOST_CELLS // len(columns), 1))
    chosen = ", ".join(quoted(name) for name, _ in columns)
    connection.execute(f"CREATE OR REPLACE TABLE data AS SELECT {chosen} FROM {source} LIMIT {most + 1}")
    rows = connection.execute("SELECT count(*) FROM data").fetchone()[0]
    if rows > most:
        connection.execute(f"DELETE FROM data WHERE rowid >= {most}")
    is_cut = rows > most and options.get("take") != most
    loaded = Loaded(columns, len(wanted), min(rows, most), is_cut)
    if "store_rejects" in source:
        _tell_rejects(connection, loaded)
    return loaded


def _tell_rejects(connection: duckdb.DuckDBPyConnection, loaded: Loaded) -> None:
    found = connection.execute("SELECT line, error_message FROM reject_errors ORDER BY file_id, line").fetchall()
    loaded.left_out = len({line for line, _ in found})
    if found:
        loaded.why = f"line {found[0][0]}: {found[0][1]}"


def _is_wanted(name: str, options: dict) -> bool:
    kept, dropped = options.get("keep"), options.get("drop", ())
    return (kept is None or name in kept) and name not in dropped


def _encoding(file: str) -> str:
    if file.endswith(".gz"):
        return "utf-8"
    with Path(file).open("rb") as opened:
        head = opened.read(_LOOKED_AT)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # The last character may be cut.
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "utf-8" if error.start >= len(head) - 4 else "latin-1"
    return "utf-8"


def _dialect(file: str, format: str, encoding: str) -> tuple[str, bool]:
    """The delimiter that the first line holds most of, and whether that line names the columns."""
    with _opened(file) as opened:
        text = opened.read(_LOOKED_AT).decode(encoding, errors="replace").lstrip("\ufeff")
    line = text.partition("\n")[0].rstrip("\r")
    delimiter = max(_DELIMITERS[format], key=lambda one: len(next(csv.reader([line], delimiter=one), [])))
    first = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    return delimiter, bool(first) and not any(_NUMBER.fullmatch(cell) for cell in first)


def _opened(file: str):
    if file.endswith(".gz"):
        import gzip

        return gzip.open(file)
    return Path(file).open("rb")


def _first_lines(error: duckdb.Error) -> str:
    """What DuckDB says, without its advice on options that nobody can set here."""
    return " ".join(str(error).partition("Possible")[0].split())[:500]


def _text(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
