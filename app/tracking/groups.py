"""Groups of runs: by a value that they share, or by all their parameters but the seed; with mean and spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from app.errors import Invalid
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.paging import Page
from app.tracking import columns, queries, seeds, table
from app.tracking.columns import Column
from app.tracking.tables import Configuration, LatestMetric, Param

SEEDS = "~seed"
"""What addresses call the grouping of runs that differ only in their seed."""
MOST_PAIRED = 2000
"""Runs that are looked up by their seed for the groups of a page."""
MOST_NAMED = 6


@dataclass(frozen=True)
class Grouping:
    """By a column, or where that is None by all parameters but the seeds; `others` are seeds as well."""

    column: Column | None = None
    others: Sequence[str] = ()

    @property
    def label(self) -> str:
        return self.column.label if self.column else "Configuration"

    def is_seed(self, key: str) -> bool:
        return seeds.is_seed(key) or key in self.others

    def values(self, found: Select) -> tuple[Select, list[ColumnElement]]:
        """Selected jobs with the columns that tell their groups apart."""
        if self.column is None:
            found, digest = seeds.with_digest(found, self.others)
            return found, [Job.experiment_id, func.coalesce(digest, 0)]
        if self.column.id == "experiment":
            return found.join(Experiment, Job.experiment_id == Experiment.id), [Experiment.name]
        logged = aliased(columns.TABLES[self.column.kind])
        found = found.outerjoin(logged, (logged.job_id == Job.id) & (logged.key == self.column.key))
        return found, [logged.value]

    def within(self, found: Select, groups: Sequence[tuple]) -> tuple[Select, list[ColumnElement]]:
        """Selected jobs of some groups, which their values name, and the columns of these values."""
        found, values = self.values(found)
        if self.column is None and not self.others and all(digest for _, digest in groups):
            # The digests are looked up by their index, where computed ones would be compared one by one.
            of = select(Configuration.job_id).where(Configuration.digest.in_([digest for _, digest in groups]))
            found = found.where(Job.id.in_(of))
        return found.where(or_(*[_is(values, group) for group in groups])), values


@dataclass(frozen=True)
class Group:
    """Runs that share `values`; `newest` is the id of the newest of them.

    `measured` of the `count` runs have the metric; `deviation` is the sample standard deviation, None below two.
    """

    values: tuple
    count: int
    newest: int
    measured: int = 0
    mean: float | None = None
    deviation: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def value(self) -> str | None:
        """None of runs that have no such value."""
        return self.values[0] if len(self.values) == 1 else ".".join(map(str, self.values))

    @property
    def id(self) -> str:
        return "-" if self.value is None else f"={self.value}"


def parse(text: str, others: str = "") -> Grouping:
    """The grouping of `group=` and `seeds=a,b`; raises Invalid for what runs cannot be grouped by."""
    if text == SEEDS:
        return Grouping(None, seeds.others(others))
    column = columns.parse(text, "group")
    if column.id != "experiment" and column.kind not in ("params", "tags"):
        raise Invalid(
            f"group: {text!r} groups no runs. Use experiment, params.NAME, tags.NAME or {SEEDS}.", target="group"
        )
    return Grouping(column)


def page(session: Session, wanted: table.Wanted, by: Grouping, metric: str, number: int, size: int) -> Page:
    """Groups of the matching runs, the largest first, with mean and spread of the last values of a metric."""
    found, values = by.values(table.matching(wanted))
    order = [func.count().desc(), *values]
    first = (number - 1) * size
    shown, total = _groups(session, found, values, metric, order=order, first=first, size=size)
    if not shown and number > 1:
        total = session.scalar(
            select(func.count()).select_from(found.with_only_columns(*values).group_by(*values).subquery())
        )
    return Page(shown, total, number, size)


def one(session: Session, wanted: table.Wanted, by: Grouping, metric: str, group_id: str) -> Group | None:
    """A group by its id, wherever it stands."""
    found, values = by.within(table.matching(wanted), [_values_of(by, group_id)])
    return next(iter(_groups(session, found, values, metric, order=values, first=0, size=1)[0]), None)


def rows(session: Session, wanted: table.Wanted, by: Grouping, group: Group, most: int) -> list[Job]:
    """The first runs of a group."""
    found, _ = by.within(table.matching(wanted), [group.values])
    first = table.in_order(found, wanted.sort).limit(most)
    return table.whole(session, list(session.scalars(first)))


def _values_of(by: Grouping, group_id: str) -> tuple:
    text = group_id.removeprefix("=") if group_id != "-" else None
    return (text,) if by.column is not None else seeds.parse(text or "", "base")


def _is(values: Sequence[ColumnElement], wanted: Sequence) -> ColumnElement[bool]:
    pairs = zip(values, wanted, strict=True)
    return and_(*[column.is_(None) if value is None else column == value for column, value in pairs])


def _groups(
    session: Session, found: Select, values: list[ColumnElement], metric: str, *, order: list, first: int, size: int
) -> tuple[list[Group], int]:
    """Some groups in order, and how many there are."""
    measures: list[ColumnElement] = []
    near = 0.0
    if metric:
        measured = aliased(LatestMetric)
        found = found.outerjoin(measured, (measured.job_id == Job.id) & (measured.key == metric))
        # Differences from one of the values keep the sum of squares exact, which that of the values is not.
        near = session.scalar(found.with_only_columns(measured.value).where(func.abs(measured.value) < 1e300).limit(1))
        near = near or 0.0
        difference = measured.value - literal(near)
        measures = [
            func.count(measured.value),
            func.sum(difference),
            func.sum(difference * difference),
            func.min(measured.value),
            func.max(measured.value),
        ]
    selected = found.with_only_columns(*values, func.count().over(), func.count(), func.max(Job.id), *measures)
    selected = selected.group_by(*values).order_by(*order).offset(first).limit(size)
    width = len(values)
    answers = session.execute(selected).all()
    shown = [_group(near, tuple(row[:width]), *row[width + 1 :]) for row in answers]
    return shown, answers[0][width] if answers else 0


def _group(
    near: float, values: tuple, count: int, newest: int, measured=0, shift=None, squares=None, least=None, most=None
) -> Group:
    if not measured or shift is None or not math.isfinite(shift):
        return Group(values, count, newest, measured)
    mean = near + shift / measured
    deviation = None
    if measured > 1 and squares is not None:
        deviation = math.sqrt(max(0.0, (squares - shift * shift / measured) / (measured - 1)))
    return Group(values, count, newest, measured, mean, deviation, least, most)


def narrowing(by: Grouping, group: Group) -> dict[str, str]:
    """What to add to the address of the list, so that it shows one group."""
    value = group.value
    if by.column is None:
        return {"configuration": value or ""}
    if by.column.id == "experiment":
        return {"experiment": value or ""}
    key = f"{by.column.kind}.`{by.column.key}`"
    if value is None:
        return {"filter": f"{key} IS NULL"}
    quoted = value.replace("'", "''")
    return {"filter": f"{key} = '{quoted}'"}


def names(session: Session, by: Grouping, shown: Sequence[Group]) -> dict[str, str]:
    """What to call each group, by its id: a value, or what sets a configuration apart from the others shown."""
    if by.column is not None:
        return {group.id: f"without {by.label}" if group.value is None else group.value or "(empty)" for group in shown}
    logged = queries.params_of(session, [group.newest for group in shown])
    params = {
        group.id: {key: value for key, value in logged.get(group.newest, []) if not by.is_seed(key)} for group in shown
    }
    keys = sorted({key for found in params.values() for key in found})
    telling = [key for key in keys if len({found.get(key) for found in params.values()}) > 1] or keys
    found = {}
    for group in shown:
        words = [f"{key} = {params[group.id].get(key, '—')}" for key in telling[:MOST_NAMED]]
        more = f" and {len(telling) - MOST_NAMED} more" if len(telling) > MOST_NAMED else ""
        found[group.id] = ", ".join(words) + more if params[group.id] else "no parameters but seeds"
    return found


def by_seed(
    session: Session, wanted: table.Wanted, by: Grouping, metric: str, shown: Sequence[Group]
) -> dict[str, dict[str, float]]:
    """The metric of each group's runs by their seed, the mean where a seed was run more than once.

    Empty where the groups hold too many runs to look at.
    """
    if sum(group.count for group in shown) > MOST_PAIRED:
        return {}
    newest = queries.params_of(session, [group.newest for group in shown])
    keys = sorted({key for params in newest.values() for key, _ in params if by.is_seed(key)})
    if not keys:
        return {}
    found, values = by.within(table.matching(wanted), [group.values for group in shown])
    seed, measured = aliased(Param), aliased(LatestMetric)
    found = found.join(seed, (seed.job_id == Job.id) & seed.key.in_(keys)).join(
        measured, (measured.job_id == Job.id) & (measured.key == metric) & measured.value.is_not(None)
    )
    runs: dict[tuple, tuple[float, dict[str, str]]] = {}
    for *of, job_id, key, text, value in session.execute(
        found.with_only_columns(*values, Job.id, seed.key, seed.value, measured.value)
    ):
        runs.setdefault((tuple(of), job_id), (value, {}))[1][key] = text
    gathered: dict[tuple, dict[str, list[float]]] = {}
    for (of, _), (value, texts) in runs.items():
        gathered.setdefault(of, {}).setdefault(repr(sorted(texts.items())), []).append(value)
    means = {of: {seed: math.fsum(found) / len(found) for seed, found in one.items()} for of, one in gathered.items()}
    return {group.id: means.get(group.values, {}) for group in shown}
