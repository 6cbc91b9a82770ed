"""Columns of the run table: what they are called in an address, and what they hold of given runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.tables import Job, JobTag
from app.tracking.tables import LatestMetric, MetricBlock, Param

FIXED = {
    "status": "Status",
    "experiment": "Experiment",
    "created_by": "Created by",
    "created": "Created",
    "duration": "Duration",
    "tags": "Tags",
}
"""Columns that every run has, beside its name."""

TABLES = {"metrics": LatestMetric, "params": Param, "tags": JobTag}
SUMMARIES = ("min", "max")
STARRED = "starred"
"""The tag of a run that somebody marked with a star."""
PINNED = "pinned"
"""The tag of a run that stays on top of the table."""
MARKS = (STARRED, PINNED)

MOST_VARYING = 6
RECENT_RUNS = 200
MOST_COLUMNS = 100
LONGEST_COMPLETION = 200
_POINT = Struct("<qqd")


@dataclass(frozen=True)
class Column:
    """`kind` is fixed, metrics, params or tags. `summary` of a metric is last, min or max."""

    kind: str
    key: str
    summary: str = "last"

    @property
    def id(self) -> str:
        """As addresses name it: `status`, `params.lr`, `metrics.loss`, `min:metrics.loss`."""
        if self.kind == "fixed":
            return self.key
        name = f"{self.kind}.{self.key}"
        return name if self.summary == "last" else f"{self.summary}:{name}"

    @property
    def label(self) -> str:
        if self.kind == "fixed":
            return FIXED[self.key]
        return self.key if self.summary == "last" else f"{self.summary} {self.key}"

    @property
    def sort(self) -> str | None:
        """The sort key; lowest and highest values are not kept in a table, so nothing is sorted by them."""
        return None if self.summary != "last" or self.id == "tags" else self.id

    @property
    def is_numeric(self) -> bool:
        return self.kind == "metrics" or self.id == "duration"


def parse(text: str, target: str = "columns") -> Column:
    """The column of an id; raises Invalid that names what columns there are."""
    if text in FIXED:
        return Column("fixed", text)
    summary, colon, name = text.partition(":")
    if not colon or summary not in SUMMARIES:
        summary, name = "last", text
    kind, dot, key = name.partition(".")
    if not dot or not key or kind not in TABLES or (summary != "last" and kind != "metrics"):
        raise Invalid(
            f"{target}: {text!r} is no column. Use {', '.join(FIXED)}, metrics.NAME, min:metrics.NAME, "
            "max:metrics.NAME, params.NAME or tags.NAME.",
            target=target,
        )
    return Column(kind, key, summary)


def parse_all(texts: Sequence[str]) -> list[Column]:
    """The columns of `columns=a,b&columns=c`, each once, in that order."""
    ids = dict.fromkeys(part.strip() for text in texts for part in text.split(",") if part.strip())
    if len(ids) > MOST_COLUMNS:
        raise Invalid(f"columns: a table shows at most {MOST_COLUMNS} columns; these are {len(ids)}.", target="columns")
    return [parse(text) for text in ids]


def fixed() -> list[Column]:
    return [Column("fixed", key) for key in FIXED]


def values(session: Session, job_ids: Sequence[int], columns: Sequence[Column]) -> dict[int, dict[str, str | float]]:
    """What the columns but the fixed ones hold: by job, then by column id."""
    found: dict[int, dict[str, str | float]] = {job_id: {} for job_id in job_ids}
    for kind, table in TABLES.items():
        wanted = {column.key: column.id for column in columns if column.kind == kind and column.summary == "last"}
        if not wanted:
            continue
        rows = select(table.job_id, table.key, table.value).where(
            table.job_id.in_(job_ids), table.key.in_(list(wanted))
        )
        for job_id, key, value in session.execute(rows):
            found[job_id][wanted[key]] = math.nan if value is None else value
    _add_extremes(session, found, [column for column in columns if column.summary != "last"])
    return found


def _add_extremes(session: Session, found: dict[int, dict], columns: Sequence[Column]) -> None:
    if not columns:
        return
    keys = list({column.key for column in columns})
    rows = session.execute(
        select(MetricBlock.job_id, MetricBlock.key, MetricBlock.points).where(
            MetricBlock.job_id.in_(list(found)), MetricBlock.key.in_(keys)
        )
    )
    for job_id, key, points in rows:
        logged = [value for _, _, value in _POINT.iter_unpack(points) if not math.isnan(value)]
        for column in columns:
            if column.key == key and logged:
                extreme = min if column.summary == "min" else max
                known = found[job_id].get(column.id)
                found[job_id][column.id] = extreme(logged if known is None else [known, *logged])


def varying(session: Session, job_ids: Sequence[int], most: int = MOST_VARYING) -> list[Column]:
    """The columns that tell some runs apart, those first that most of the runs have."""
    if len(job_ids) < 2:
        return []
    ranked = {kind: _varying(session, kind, job_ids, most) for kind in TABLES}
    half = most // 2
    shown = [*ranked["params"][:half], *ranked["metrics"][:half]]
    rest = [*ranked["params"][half:], *ranked["metrics"][half:]]
    return [*shown, *rest][:most]


def _varying(session: Session, kind: str, job_ids: Sequence[int], most: int) -> list[Column]:
    table = TABLES[kind]
    count = func.count()
    found = (
        select(table.key)
        .where(table.job_id.in_(job_ids))
        .group_by(table.key)
        .having((func.min(table.value) != func.max(table.value)) | (count < len(job_ids)))
        .order_by(count.desc(), table.key)
        .limit(most)
    )
    return [Column(kind, key) for key in session.scalars(found)]


def _recent(session: Session, workspace_id: int) -> list[int]:
    """The newest runs of a workspace."""
    recent = (
        select(Job.id)
        .where(Job.workspace_id == workspace_id, Job.lifecycle_stage == "active")
        .order_by(Job.created_at.desc())
        .limit(RECENT_RUNS)
    )
    return list(session.scalars(recent))


def known_values(session: Session, workspace_id: int, column: Column, text: str = "", *, most: int = 50) -> list[str]:
    """What the newest runs of a workspace have in a column of params or tags, with `text` in it."""
    table = TABLES[column.kind]
    found = select(table.value).where(
        table.job_id.in_(_recent(session, workspace_id)),
        table.key == column.key,
        func.length(table.value) <= LONGEST_COMPLETION,
    )
    if text:
        found = found.where(table.value.icontains(text, autoescape=True))
    return list(session.scalars(found.distinct().order_by(table.value).limit(most)))


def known(
    session: Session, workspace_id: int, text: str = "", *, kinds: Sequence[str] = tuple(TABLES), most: int = 50
) -> list[Column]:
    """Columns that the newest runs of a workspace have, with `text` in their name or id, such as `metrics.lo`."""
    job_ids = _recent(session, workspace_id)
    kind, _, part = text.partition(".")
    if kind in TABLES:
        kinds, text = [kind], part
    found = []
    for name in kinds:
        key = TABLES[name].key
        # A comma cannot stand in an address, where it parts columns, and MLflow's own tags are for machines.
        keys = select(key).where(TABLES[name].job_id.in_(job_ids), ~key.contains(","), ~key.startswith("mlflow."))
        if text:
            keys = keys.where(key.icontains(text, autoescape=True))
        found += [Column(name, key) for key in session.scalars(keys.distinct().order_by(key).limit(most))]
    return found
