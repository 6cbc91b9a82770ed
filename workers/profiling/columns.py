"""What is told of one column of the table `data`: how much is missing, how it is distributed, what is most frequent."""

import math
from typing import Any

import duckdb

from workers.profiling.reading import quoted

BINS = 20
MOST_VALUES = 10
LONGEST_VALUE = 200
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_REAL = ("FLOAT", "DOUBLE")


def kind_of(type: str) -> str:
    """number, time, boolean, text or other."""
    if type in (*_WHOLE, *_REAL, "UHUGEINT") or type.startswith("DECIMAL"):
        return "number"
    if type == "DATE" or type.startswith("TIMESTAMP"):
        return "time"
    return {"BOOLEAN": "boolean", "VARCHAR": "text"}.get(type, "other")


def describe(connection: duckdb.DuckDBPyConnection, name: str, type: str, rows: int) -> dict[str, Any]:
    """`{"name", "type", "kind", "missing", "distinct", "top"}` and what its kind has beside: `min`, `max`, `mean`,
    `std`, `quantiles` and `histogram` of numbers, `min`, `max` and `histogram` of times, lengths of texts.

    A number that is none (NaN) is missing; infinite ones are counted and otherwise left out.
    """
    kind, column = kind_of(type), quoted(name)
    value = f"CAST({column} AS VARCHAR)" if kind == "other" else column
    if type in _REAL:
        value = f"CASE WHEN NOT isnan({column}) THEN {column} END"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW one AS SELECT {value} AS x FROM data WHERE {value} IS NOT NULL")
    counted = "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT x FROM one)) FROM one"
    found, distinct = connection.execute(counted).fetchone()
    told = {"name": name, "type": type.lower(), "kind": kind, "missing": rows - found, "distinct": distinct}
    told["top"] = _top(connection, distinct, found)
    if found and kind == "number":
        told |= _numbers(connection)
    elif found and kind == "time":
        told |= _times(connection)
    elif found and kind == "text":
        told |= _texts(connection)
    return told


def _top(connection: duckdb.DuckDBPyConnection, distinct: int, found: int) -> list[list]:
    """The most frequent values and how often they are; none where no value comes twice."""
    if distinct == found and distinct > MOST_VALUES:
        return []
    counted = f"SELECT x, count(*) AS n FROM one GROUP BY x ORDER BY n DESC, x LIMIT {MOST_VALUES}"
    rows = connection.execute(
        f"SELECT left(CAST(x AS VARCHAR), {LONGEST_VALUE}), n FROM ({counted}) ORDER BY n DESC, x"
    )
    return [list(row) for row in rows.fetchall()]


def _numbers(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    finite = "isfinite(CAST(x AS DOUBLE))"
    try:
        row = connection.execute(_of_numbers(finite, "avg(d), stddev_samp(d)")).fetchone()
    except duckdb.OutOfRangeException:
        # Their squares are larger than any number.
        row = connection.execute(_of_numbers(finite, "NULL, NULL")).fetchone()
    low, high, mean, deviation, quantiles, infinite, is_whole = row
    if low is None:
        return {"infinite": infinite}
    told = {
        "min": _plain(low),
        "max": _plain(high),
        "mean": _finite(mean),
        "std": _finite(deviation),
        "infinite": infinite,
    }
    told["quantiles"] = dict(zip((str(part) for part in QUANTILES), map(_finite, quantiles), strict=True))
    return told | {
        "histogram": _histogram(connection, "CAST(x AS DOUBLE)", _edges(float(low), float(high), is_whole), finite)
    }


def _of_numbers(finite: str, moments: str) -> str:
    wanted = ", ".join(str(part) for part in QUANTILES)
    return (
        f"SELECT min(x), max(x), {moments}, quantile_cont(d, [{wanted}]), "
        f"(SELECT count(*) FROM one WHERE NOT {finite}), bool_and(d = floor(d)) "
        f"FROM (SELECT x, CAST(x AS DOUBLE) AS d FROM one WHERE {finite})"
    )


def _edges(low: float, high: float, is_whole: bool) -> list[float]:
    """At most BINS bins of one width; those of whole numbers hold as many of them each."""
    if is_whole and high - low < 1 << 53:
        width = math.ceil((high - low + 1) / BINS)
        return [low - 0.5 + step * width for step in range(math.ceil((high - low + 1) / width) + 1)]
    if low == high:
        return [low, high]
    return [low + (high - low) * (step / BINS) for step in range(BINS)] + [high]


def _histogram(connection: duckdb.DuckDBPyConnection, value: str, edges: list[float], where: str) -> dict[str, list]:
    """Counts between neighbouring edges; a value on an edge is in the bin above, and the last edge is in the last."""
    bins, low, width = len(edges) - 1, edges[0], (edges[-1] - edges[0]) / max(len(edges) - 1, 1)
    if not math.isfinite(width):
        return {}
    number = f"least(CAST(floor(({value} - ({low!r})) / {width!r}) AS INTEGER), {bins - 1})" if width else "0"
    rows = connection.execute(f"SELECT {number} AS bin, count(*) FROM one WHERE {where} GROUP BY bin").fetchall()
    counts = dict(rows)
    return {"edges": edges, "counts": [counts.get(bin, 0) for bin in range(bins)]}


def _times(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    seconds = "epoch(x)"
    row = connection.execute(
        f"SELECT CAST(min(x) AS VARCHAR), CAST(max(x) AS VARCHAR), min({seconds}), max({seconds}) FROM one "
        "WHERE isfinite(x)"
    ).fetchone()
    if row[0] is None:
        return {}
    told = {"min": row[0], "max": row[1]}
    drawn = _histogram(connection, seconds, _edges(row[2], row[3], False), "isfinite(x)")
    if drawn:
        whens = [
            f"SELECT {place} AS i, CAST(make_timestamp(CAST({edge!r} * 1e6 AS BIGINT)) AS VARCHAR)"
            for place, edge in enumerate(drawn["edges"])
        ]
        drawn["edges"] = [text for _, text in connection.execute(" UNION ALL ".join(whens) + " ORDER BY i").fetchall()]
    return told | {"histogram": drawn}


def _texts(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    row = connection.execute("SELECT min(length(x)), max(length(x)), avg(length(x)), count(*) FILTER (x = '') FROM one")
    return dict(zip(("shortest", "longest", "mean_length", "empty"), row.fetchone(), strict=True))


def _finite(value: float | None) -> float | None:
    """None for what is larger than any number, such as the mean of the largest ones."""
    return value if value is not None and math.isfinite(value) else None


def _plain(value: Any) -> int | float:
    return value if isinstance(value, int) else float(value)
