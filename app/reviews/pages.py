"""Pages of review queues: the list of them, one trace after the other, and what is in a queue."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.kit.clock import from_milliseconds
from app.kit.paging import Page
from app.reviews import answers, pages_changes, pages_issues, queries, questions, service
from app.reviews.permissions import READ, WRITE
from app.reviews.tables import ReviewItem, ReviewQueue
from app.traces import queries as traces
from app.traces import waterfall
from app.traces.pages import SHOWN
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

in_queues = APIRouter(prefix="/reviews", include_in_schema=False)
SIZE = 50
STATUSES = {
    "pending": ("neutral", "waiting", "Pending"),
    "complete": ("success", "success", "Reviewed"),
    "declined": ("warning", "stopped", "Declined"),
}


@in_queues.get("", dependencies=[allow(READ)])
def queues(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    own: bool = False,
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    """All queues of the workspace, or those of the caller."""
    found = queries.page(session, caller.workspace.id, caller.user.name if own else "", number, SIZE)
    counts = queries.counts(session, [queue.id for queue, _ in found.rows])
    context = {"page": found, "counts": counts, "own": own, "at": from_milliseconds}
    return templates.TemplateResponse(request, "reviews/list.html", context)


@in_queues.get("/_of", dependencies=[allow(READ)])
def of_trace_fragment(request: Request, session: SessionDep, caller: CallerDep, trace: str) -> Response:
    """In which queues a trace is."""
    held = queries.holding(session, caller.workspace.id, trace)
    return templates.TemplateResponse(request, "reviews/_of.html", {"held": held, "statuses": STATUSES, "trace": trace})


include(in_queues, pages_changes.router)


@in_queues.get("/{queue_id}", dependencies=[allow(READ)])
def review(queue_id: str, request: Request, session: SessionDep, caller: CallerDep, trace: str = "") -> Response:
    """One trace with the questions about it: the named one, or the next that waits."""
    queue = queries.get(session, caller.workspace.id, queue_id)
    item = queries.item(session, queue, trace) if trace else queries.following(session, queue)
    return templates.TemplateResponse(request, "reviews/review.html", _context(session, caller, queue, item))


def _context(session: Session, caller: Caller, queue: ReviewQueue, item: ReviewItem | None) -> dict:
    found = {"queue": queue, "item": item, "statuses": STATUSES, "at": from_milliseconds}
    found["counts"] = queries.counts(session, [queue.id])[queue.id]
    if item is None:
        return found
    trace = traces.get(session, caller.workspace.id, item.trace.name)
    rows = waterfall.rows(waterfall.outline(session, trace))
    asked = questions.of_queue(session, queue)
    next_item = queries.following(session, queue, item)
    return found | {
        **SHOWN,
        "trace": trace,
        "root": waterfall.detail(session, trace, rows[0].span.span_id) if rows else None,
        "questions": asked,
        "answered": answers.of_reviewer(trace, caller.user.name, asked),
        "next": next_item if next_item is not None and next_item.trace_id != item.trace_id else None,
    }


async def _filled(request: Request) -> FormData:
    return await request.form()


def _given(form: FormData, question_id: str) -> tuple[list[str], str]:
    filled = [str(text) for text in form.getlist(f"answer-{question_id}")]
    return filled, str(form.get(f"comment-{question_id}", "")).strip()


@in_queues.post("/{queue_id}/items/{trace_name}", dependencies=[allow(WRITE)])
def answer(
    queue_id: str,
    trace_name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    form: Annotated[FormData, Depends(_filled)],
    status: Annotated[str, Form()] = "complete",
) -> Response:
    """Keep the answers, say what became of the trace, and go on with the next."""
    queue = queries.get(session, caller.workspace.id, queue_id)
    item = queries.item(session, queue, trace_name)
    if status not in STATUSES:
        raise Invalid(f"status: {status!r} is not one of {', '.join(STATUSES)}.", target="status")
    trace = traces.get_writable(session, caller, trace_name)
    asked = questions.of_queue(session, queue)
    given = {one.id: _given(form, one.id) for one in asked}
    try:
        answers.save(session, trace, caller.user.name, asked, given)
    except Invalid as error:
        return refuse(
            request, session, "reviews/review.html", error, _context(session, caller, queue, item) | {"given": given}
        )
    before = item.status
    service.set_status(session, item, status, caller.user.name)
    note(session, "review-queues", queue.name, before={"trace": trace.name, "status": before}, after={"status": status})
    following = queries.following(session, queue, item) if status != "pending" else item
    place = f"?trace={following.trace.name}" if following is not None else ""
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/reviews/{queue.id}{place}"), 303)


@in_queues.get("/{queue_id}/items", dependencies=[allow(READ)])
def items(
    queue_id: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    status: str = "",
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    queue = queries.get(session, caller.workspace.id, queue_id)
    if status and status not in STATUSES:
        raise Invalid(f"status: {status!r} is not one of {', '.join(STATUSES)}.", target="status")
    counts = queries.counts(session, [queue.id])[queue.id]
    found = queries.items(session, queue, status, (number - 1) * SIZE, SIZE)
    page = Page(found, counts[status] if status else sum(counts.values()), number, SIZE)
    context = {"queue": queue, "page": page, "counts": counts, "statuses": STATUSES, "at": from_milliseconds}
    return templates.TemplateResponse(request, "reviews/items.html", context)


router = APIRouter(include_in_schema=False)
include(router, in_queues)
include(router, pages_issues.router)
