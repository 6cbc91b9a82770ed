"""What is done to review queues and questions from pages: made, filled, emptied, deleted."""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import AlreadyExists, Invalid, NotFound
from app.experiments import queries as experiments
from app.experiments.tables import Experiment
from app.reviews import queries, questions, service
from app.reviews.permissions import DELETE, READ, WRITE
from app.reviews.questions import Draft
from app.reviews.tables import ReviewQueue
from app.traces import queries as traces
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(include_in_schema=False)
MOST_OFFERED = 100
OWN = "own"
_BETWEEN = re.compile(r"[,;\n]+")


def _to(caller: Caller, path: str) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)


def split(text: str) -> list[str]:
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


@router.get("/new", dependencies=[allow(WRITE)])
def new(request: Request, session: SessionDep, caller: CallerDep, experiment: str = "") -> Response:
    return templates.TemplateResponse(request, "reviews/new.html", _choices(session, caller, experiment))


def _choices(session: Session, caller: Caller, experiment: str) -> dict:
    """The experiments that have traces, and the questions of one of them."""
    names = traces.experiments(session, caller.workspace.id)
    chosen = experiment or (names[0] if names else "")
    found = experiments.find_by_name(session, caller.workspace.id, chosen) if chosen else None
    asked = questions.page(session, found, 0, MOST_OFFERED) if found else []
    return {"experiments": names, "experiment": chosen, "questions": asked, "default": questions.DEFAULT}


@router.post("/new", dependencies=[allow(WRITE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    experiment: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    users: Annotated[str, Form()] = "",
    schema_ids: Annotated[list[str], Form()] = [],
) -> Response:
    try:
        found = experiments.get_by_name(session, caller.workspace.id, experiment)
        made = service.create(
            session, found, name, "custom", created_by=caller.user.name, users=split(users), schema_ids=schema_ids
        )
    except (Invalid, AlreadyExists, NotFound) as error:
        filled = {"name": name, "users": users, "schema_ids": schema_ids}
        return refuse(
            request, session, "reviews/new.html", error, _choices(session, caller, experiment) | {"filled": filled}
        )
    note(session, "review-queues", made.name, after={"id": made.id})
    return _to(caller, f"/reviews/{made.id}")


@router.get("/add", dependencies=[allow(WRITE)])
def choose(request: Request, session: SessionDep, caller: CallerDep, names: str = "") -> Response:
    """Which queue the traces shall wait in; `names` are separated by commas."""
    found, experiment = traces_together(session, caller, split(names))
    offered = queries.queues(session, experiment, count=MOST_OFFERED)
    context = {"traces": found, "queues": offered, "experiment": experiment, "own": OWN}
    return templates.TemplateResponse(request, "reviews/add.html", context)


def traces_together(session: Session, caller: Caller, names: list[str]) -> tuple[list, Experiment]:
    """Traces that can wait in one queue, because they are of one experiment."""
    found = traces.by_names(session, caller.workspace.id, names)
    if not found:
        raise NotFound("names: none of these traces exists.", target="names")
    several = {trace.experiment.name for trace in found}
    if len(several) > 1:
        raise Invalid(
            f"names: a queue belongs to one experiment, and these traces are of {', '.join(sorted(several))}. "
            "Narrow the list to one experiment first.",
            target="names",
        )
    return found, found[0].experiment


@router.post("/add", dependencies=[allow(WRITE)])
def add(
    session: SessionDep,
    caller: CallerDep,
    names: Annotated[list[str], Form()] = [],
    queue: Annotated[str, Form()] = OWN,
) -> RedirectResponse:
    found, experiment = traces_together(session, caller, names)
    chosen = (
        service.get_or_create_of_person(session, experiment, caller.user.name)
        if queue == OWN
        else queries.get(session, caller.workspace.id, queue)
    )
    service.add(session, chosen, [trace.name for trace in found])
    note(session, "review-queues", chosen.name, after={"added": [trace.name for trace in found]})
    return _to(caller, f"/traces/{found[0].name}" if len(found) == 1 else f"/reviews/{chosen.id}/items")


@router.get("/questions", dependencies=[allow(READ)])
def asked(request: Request, session: SessionDep, caller: CallerDep, experiment: str = "") -> Response:
    """The questions of an experiment, and a form for one more."""
    return templates.TemplateResponse(request, "reviews/questions.html", _choices(session, caller, experiment))


@router.post("/questions", dependencies=[allow(WRITE)])
def ask(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    experiment: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    type: Annotated[str, Form()] = "feedback",
    instruction: Annotated[str, Form()] = "",
    input_type: Annotated[str, Form()] = "pass_fail",
    options: Annotated[str, Form()] = "",
    least: Annotated[str, Form()] = "",
    most: Annotated[str, Form()] = "",
    enable_comment: Annotated[bool, Form()] = False,
) -> Response:
    try:
        settings = _settings(input_type, split(options), least, most)
        kind = "categorical" if input_type == "several" else input_type
        draft = Draft(name.strip(), type, kind, settings, instruction.strip() or None, enable_comment)
        found = experiments.get_by_name(session, caller.workspace.id, experiment)
        made = questions.create(session, found, draft, caller.user.name)
    except (Invalid, AlreadyExists, NotFound) as error:
        filled = {"name": name, "type": type, "instruction": instruction, "input_type": input_type}
        filled |= {"options": options, "least": least, "most": most, "enable_comment": enable_comment}
        return refuse(
            request,
            session,
            "reviews/questions.html",
            error,
            _choices(session, caller, experiment) | {"filled": filled},
        )
    note(session, "label-schemas", made.name, after={"id": made.id})
    return _to(caller, f"/reviews/questions?{urlencode({'experiment': experiment})}")


def _settings(input_type: str, options: list[str], least: str, most: str) -> dict:
    match input_type:
        case "pass_fail":
            if len(options) not in (0, 2):
                raise Invalid("Name two answers, the good one first, or none for Yes and No.", target="options")
            positive, negative = options or ["Yes", "No"]
            return {"positive_label": positive, "negative_label": negative}
        case "categorical" | "several":
            return {"options": options, "multi_select": input_type == "several"}
        case "numeric":
            ends = {"min_value": _number(least, "least"), "max_value": _number(most, "most")}
            return {name: end for name, end in ends.items() if end is not None}
        case "text":
            return {}
    raise Invalid(f"{input_type!r} is not a kind of answer.", target="input_type")


def _number(text: str, field: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise Invalid(f"{text!r} is no number.", target=field) from error


@router.post("/questions/{schema_id}/delete", dependencies=[allow(DELETE)])
def delete_question(schema_id: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    schema = questions.get(session, caller.workspace.id, schema_id)
    experiment = session.get_one(Experiment, schema.experiment_id).name
    note(session, "label-schemas", schema.name, before={"id": schema.id})
    questions.delete(session, schema)
    return _to(caller, f"/reviews/questions?{urlencode({'experiment': experiment})}")


def _queue(session: Session, caller: Caller, queue_id: str) -> ReviewQueue:
    return queries.get(session, caller.workspace.id, queue_id)


@router.post("/{queue_id}/remove", dependencies=[allow(WRITE)])
def remove(
    queue_id: str, session: SessionDep, caller: CallerDep, names: Annotated[list[str], Form()] = []
) -> RedirectResponse:
    """Take traces out of the queue; what was answered stays."""
    queue = _queue(session, caller, queue_id)
    service.remove(session, queue, names)
    note(session, "review-queues", queue.name, before={"items": names})
    return _to(caller, f"/reviews/{queue.id}/items")


@router.post("/{queue_id}/assign", dependencies=[allow(WRITE)])
def assign(
    queue_id: str,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()] = "",
    users: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Another name, other reviewers."""
    queue = _queue(session, caller, queue_id)
    before = {"name": queue.name, "users": [user.name for user in queue.users]}
    service.update(session, queue, {"name": name, "users": split(users)})
    note(session, "review-queues", queue.name, before=before, after={"name": queue.name, "users": split(users)})
    return _to(caller, f"/reviews/{queue.id}/items")


@router.post("/{queue_id}/delete", dependencies=[allow(DELETE)])
def delete(queue_id: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    queue = _queue(session, caller, queue_id)
    note(session, "review-queues", queue.name, before={"id": queue.id})
    service.delete(session, queue)
    return _to(caller, "/reviews")
