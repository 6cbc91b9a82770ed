"""The list of jobs in groups: what each is called, its runs, and whether it is better than the base."""

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy.orm import Session

from app.jobs.tables import Job
from app.kit.paging import Page
from app.tracking import comparison, groups, table
from app.tracking.comparison import Answer, Sample
from app.tracking.groups import Group, Grouping

SHOWN_IN_GROUP = 20
GOALS = ("higher", "lower")


@dataclass(frozen=True)
class Row:
    """A group as it is shown. `runs` are None while it is closed, and `answer` is None for the base."""

    group: Group
    name: str
    runs: list[Job] | None
    answer: Answer | None


@dataclass(frozen=True)
class Shown:
    page: Page
    by: Grouping
    rows: list[Row]
    base: Group | None
    base_name: str
    higher_is_better: bool

    @property
    def comparisons(self) -> int:
        return sum(row.answer is not None for row in self.rows)

    @property
    def paired(self) -> bool:
        return any(row.answer and row.answer.pairs for row in self.rows)


def shown(session: Session, found: table.Wanted, wanted) -> Shown:
    """`wanted` is the query of the list; the base is the group that it names, else the first."""
    by = groups.parse(wanted.group, wanted.seeds)
    page = groups.page(session, found, by, wanted.metric, wanted.page, wanted.size)
    base = next((group for group in page.rows if group.id == wanted.base), None)
    if base is None and wanted.base:
        base = groups.one(session, found, by, wanted.metric, wanted.base)
    if base is None and page.rows:
        base = page.rows[0]
    every = [*page.rows, *([base] if base and base not in page.rows else [])]
    names = groups.names(session, by, every)
    answers = _answers(session, found, by, wanted.metric, base, every)
    rows = []
    for group in page.rows:
        opened = group.id in wanted.open
        runs = groups.rows(session, found, by, group, SHOWN_IN_GROUP) if opened else None
        rows.append(Row(group, names[group.id], runs, answers.get(group.id)))
    goal = wanted.goal == "higher" if wanted.goal in GOALS else comparison.higher_is_better(wanted.metric)
    return Shown(page, by, rows, base, names[base.id] if base else "", goal)


def _answers(
    session: Session, found: table.Wanted, by: Grouping, metric: str, base: Group | None, every: list[Group]
) -> dict[str, Answer]:
    others = [group for group in every if group is not base]
    if not metric or not others:
        return {}
    seeds = groups.by_seed(session, found, by, metric, every)
    samples = {
        group.id: Sample(group.measured, group.mean, group.deviation, seeds.get(group.id, {})) for group in every
    }
    answers = comparison.against(samples[base.id], [samples[group.id] for group in others])
    return {group.id: answer for group, answer in zip(others, answers, strict=True)}


def links(request: Request, wanted, by: Grouping, group: Group) -> dict[str, str]:
    """The queries of a group's links: to open or close it, to make it the base, to show all its runs."""
    others = [("open", opened) for opened in wanted.open if opened != group.id]
    turned = others if group.id in wanted.open else [*others, ("open", group.id)]
    narrowed = groups.narrowing(by, group)
    if wanted.filter.strip() and "filter" in narrowed:
        narrowed["filter"] = f"{wanted.filter.strip()} AND {narrowed['filter']}"
    narrowed["children"] = "true"
    every = {"open", "group", "metric", "page", "base", *narrowed}
    return {
        "turned": _query(request, {"open"}, turned),
        "base": _query(request, {"base"}, [("base", group.id)]),
        "all": _query(request, every, list(narrowed.items())),
    }


def _query(request: Request, without: set[str], pairs: list[tuple[str, str]]) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in without]
    return urlencode([*kept, *pairs])
