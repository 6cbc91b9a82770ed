"""Makes the profile of files of a table: reads what is wanted as JSON from stdin, writes the profile to stdout.

Runs as a process of its own, so that no file can make a worker larger than it is, or end it.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from workers.profiling import columns, reading

MEMORY = "512MB"
SPILLED = "20GB"
HEAD_ROWS = 20


def main() -> None:
    wanted = json.load(sys.stdin)
    try:
        answer = profile(wanted["files"], wanted["format"], wanted["options"], Path(wanted["folder"]))
    except reading.Unreadable as error:
        answer = {"error": str(error)}
    except duckdb.OutOfMemoryException as error:
        answer = {"error": f"It needs more than {MEMORY} of memory: {error}"}
    # PostgreSQL keeps no NUL in JSON.
    sys.stdout.write(json.dumps(answer, allow_nan=False).replace("\\u0000", ""))


def profile(files: list[str], format: str, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`folder` takes what does not fit into memory. Raises Unreadable."""
    with connect(files, folder) as connection:
        loaded = reading.load(connection, files, format, options)
        told = asdict(loaded)
        told["columns"] = [columns.describe(connection, *column, loaded.rows) for column in loaded.columns]
        told["head"] = _head(connection, loaded)
    return told


def connect(files: list[str], folder: Path) -> duckdb.DuckDBPyConnection:
    """A database that opens these files only."""
    made = duckdb.connect(
        str(folder / "profile.db"),
        config={
            "threads": 1,
            "memory_limit": MEMORY,
            "temp_directory": str(folder),
            "max_temp_directory_size": SPILLED,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    allowed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    made.execute(f"SET allowed_paths=[{allowed}]")
    made.execute("SET enable_external_access=false")
    made.execute("SET lock_configuration=true")
    return made


def _head(connection: duckdb.DuckDBPyConnection, loaded: reading.Loaded) -> list[list]:
    shown = ", ".join(
        f"left(CAST({reading.quoted(name)} AS VARCHAR), {columns.LONGEST_VALUE})" for name, _ in loaded.columns
    )
    return [list(row) for row in connection.execute(f"SELECT {shown} FROM data LIMIT {HEAD_ROWS}").fetchall()]


if __name__ == "__main__":
    main()
