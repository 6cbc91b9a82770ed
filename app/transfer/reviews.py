"""What people are asked about traces, the queues in which traces wait, and issues: as they leave and come."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Select, insert, select, update
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import NotFound
from app.experiments import queries as experiments
from app.experiments.tables import Experiment
from app.reviews import queries
from app.reviews.tables import Issue, LabelSchema, ReviewItem, ReviewQueue, ReviewQueueSchema, ReviewQueueUser
from app.traces.tables import Assessment, Trace
from app.transfer.records import Outcome, stand_in
from app.transfer.selection import Selection, batches

AT_ONCE = 500
"""Of the traces of a queue in one line."""

_OF_QUESTION = (
    "name", "type", "instruction", "enable_comment", "input_type", "input", "is_default", "created_by",
    "created_ms", "updated_ms",
)  # fmt: skip
_OF_ISSUE = (
    "name", "description", "status", "severity", "root_causes", "categories", "source_run", "created_by",
    "created_ms", "updated_ms",
)  # fmt: skip


class Question(BaseModel):
    """A label schema."""

    schema_id: str = Field(pattern="^ls-[0-9a-f]{1,64}$")
    experiment_id: str
    name: str = Field(min_length=1)
    type: str = Field(pattern="^(feedback|expectation)$")
    instruction: str | None = None
    enable_comment: bool = False
    input_type: str = Field(pattern="^(pass_fail|categorical|numeric|text)$")
    input: dict[str, Any] = {}
    is_default: bool = False
    created_by: str | None = None
    created_ms: int
    updated_ms: int


class Queue(BaseModel):
    queue_id: str = Field(pattern="^rq-[0-9a-f]{1,64}$")
    experiment_id: str
    name: str = Field(min_length=1)
    type: str = Field(pattern="^(user|custom)$")
    users: list[str] = []
    schema_ids: list[str] = []
    created_by: str | None = None
    created_ms: int
    updated_ms: int


class Item(BaseModel):
    trace_id: str
    status: str = Field(pattern="^(pending|complete|declined)$")
    completed_by: str | None = None
    completed_ms: int | None = None
    created_ms: int
    updated_ms: int


class Items(BaseModel):
    items: list[Item] = Field(max_length=AT_ONCE)


class IssueRecord(BaseModel):
    issue_id: str = Field(pattern="^iss-[0-9a-f]{1,64}$")
    experiment_id: str
    name: str
    description: str
    status: str = Field(pattern="^(pending|rejected|resolved)$")
    severity: str | None = Field(None, pattern="^(not_an_issue|low|medium|high)$")
    root_causes: list[str] = []
    categories: list[str] = []
    source_run: str | None = None
    created_by: str | None = None
    created_ms: int
    updated_ms: int


def _rows(session: Session, selection: Selection, table: type) -> list:
    """The rows of the selected experiments by id; none of a selection of runs, whose experiments stay behind."""
    if selection.runs is not None:
        return []
    found = session.scalars(select(table).where(table.experiment_id.in_(selection.experiments))).all()
    return sorted(found, key=lambda row: row.id)


def of_questions(session: Session, selection: Selection) -> Iterator[dict]:
    for row in _rows(session, selection, LabelSchema):
        same = {name: getattr(row, name) for name in _OF_QUESTION}
        yield Question(schema_id=row.id, experiment_id=selection.number(row.experiment_id), **same).model_dump()


def of_queues(session: Session, selection: Selection) -> Iterator[dict]:
    for row in _rows(session, selection, ReviewQueue):
        yield Queue(
            queue_id=row.id,
            experiment_id=selection.number(row.experiment_id),
            name=row.name,
            type=row.type,
            users=sorted(user.name for user in row.users),
            schema_ids=sorted(asked.schema_id for asked in row.schemas),
            created_by=row.created_by,
            created_ms=row.created_ms,
            updated_ms=row.updated_ms,
        ).model_dump()


def of_items(session: Session, selection: Selection) -> Iterator[dict]:
    for queue in _rows(session, selection, ReviewQueue):
        found = select(ReviewItem, Trace.name).join(Trace).where(ReviewItem.queue_id == queue.id)
        rows = session.execute(found.where(Trace.id.in_(selection.traces()))).all()
        items = [
            Item(trace_id=name, **{key: getattr(row, key) for key in Item.model_fields if key != "trace_id"})
            for row, name in sorted(rows, key=lambda found: found[1])
        ]
        for some in batches(items, AT_ONCE):
            yield {"queue_id": queue.id, "items": [item.model_dump() for item in some]}


def of_issues(session: Session, selection: Selection) -> Iterator[dict]:
    for row in _rows(session, selection, Issue):
        same = {name: getattr(row, name) for name in _OF_ISSUE}
        yield IssueRecord(issue_id=row.id, experiment_id=selection.number(row.experiment_id), **same).model_dump()


def question(session: Session, caller: Caller, given: Question) -> Outcome:
    """One of that name in the experiment stays as it is."""
    experiment = experiments.get(session, caller.workspace.id, given.experiment_id)
    named = select(LabelSchema).where(LabelSchema.experiment_id == experiment.id, LabelSchema.name == given.name)
    found = session.scalar(named)
    if found is None:
        same = given.model_dump(include=set(_OF_QUESTION))
        found = LabelSchema(id=_free_id(session, LabelSchema, given.schema_id, caller), **same)
        return _made(session, experiment, found)
    return Outcome(found.id, False)


def _free_id(session: Session, table: type, id: str, caller: Caller) -> str:
    return id if session.get(table, id) is None else stand_in(id, caller.workspace.id)


def _made(session: Session, experiment: Experiment, row: Any) -> Outcome:
    row.experiment_id = experiment.id
    session.add(row)
    session.flush()
    return Outcome(row.id, True)


def queue(session: Session, caller: Caller, given: Queue) -> Outcome:
    """One of that name in the experiment stays as it is. The questions are those of this server."""
    experiment = experiments.get(session, caller.workspace.id, given.experiment_id)
    found = queries.find_by_name(session, experiment, given.name)
    if found is not None:
        return Outcome(found.id, False)
    asked = select(LabelSchema.id).where(LabelSchema.experiment_id == experiment.id)
    here = set(session.scalars(asked.where(LabelSchema.id.in_(given.schema_ids))))
    made = ReviewQueue(
        id=_free_id(session, ReviewQueue, given.queue_id, caller),
        name=given.name,
        name_key=given.name.lower(),
        type=given.type,
        created_by=given.created_by,
        created_ms=given.created_ms,
        updated_ms=given.updated_ms,
        users=[ReviewQueueUser(name=name) for name in sorted({name.lower() for name in given.users})],
        schemas=[ReviewQueueSchema(schema_id=id) for id in sorted(here)],
    )
    outcome = _made(session, experiment, made)
    outcome.missing = [f"The question {id} of the queue is not here." for id in sorted(set(given.schema_ids) - here)]
    return outcome


def items(session: Session, caller: Caller, queue_id: str, given: Items) -> Outcome:
    """Put traces into a queue, with what became of them; those that are in it stay as they are."""
    held = queries.get(session, caller.workspace.id, queue_id)
    named = select(Trace.name, Trace.id).where(
        Trace.experiment_id == held.experiment_id, Trace.name.in_([item.trace_id for item in given.items])
    )
    traces = dict(session.execute(named).all())
    inside = set(_inside(session, held, list(traces.values())))
    new = [
        item.model_dump(exclude={"trace_id"}) | {"queue_id": held.id, "trace_id": traces[item.trace_id]}
        for item in given.items
        if item.trace_id in traces and traces[item.trace_id] not in inside
    ]
    if new:
        session.execute(insert(ReviewItem), new)
    lacking = sorted({item.trace_id for item in given.items} - traces.keys())
    return Outcome(held.id, bool(new), [f"The trace {name} of the queue is not here." for name in lacking])


def _inside(session: Session, held: ReviewQueue, trace_ids: Sequence[int]) -> Sequence[int]:
    found: Select = select(ReviewItem.trace_id).where(ReviewItem.queue_id == held.id)
    return session.scalars(found.where(ReviewItem.trace_id.in_(trace_ids))).all()


def issue(session: Session, caller: Caller, given: IssueRecord) -> Outcome:
    """Traces that came before are said to have it under the id that it has here."""
    experiment = experiments.get(session, caller.workspace.id, given.experiment_id)
    for id in (given.issue_id, stand_in(given.issue_id, caller.workspace.id)):
        found = session.get(Issue, id)
        if found is not None and found.experiment_id == experiment.id:
            return Outcome(id, False)
    id = _free_id(session, Issue, given.issue_id, caller)
    if session.get(Issue, id) is not None:
        raise NotFound(f"The issue {given.issue_id} is in another experiment of this workspace.", target="issue_id")
    outcome = _made(session, experiment, Issue(id=id, **given.model_dump(include=set(_OF_ISSUE))))
    if id != given.issue_id:
        here = select(Trace.id).where(Trace.workspace_id == caller.workspace.id)
        said = Assessment.kind == "issue", Assessment.name == given.issue_id, Assessment.trace_id.in_(here)
        session.execute(update(Assessment).where(*said).values(name=id))
    return outcome
