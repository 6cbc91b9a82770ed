"""Event streams of a job: its state, its metrics, its log. Each resumes where it broke off."""

import time
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.database import reading
from app.jobs import logs
from app.jobs.tables import Job
from app.web.sse import Event
from app.web.watching import Watch

LOOK_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 15.0


async def log_events(request: Request, job_id: int, file: str, offset: int) -> AsyncIterator[Event | None]:
    """`log` events whose id is the byte offset after them, then `end`."""
    offset = _resume(request, offset)
    spoken = time.monotonic()
    async with Watch(f"job:{job_id}") as watch:
        while not await request.is_disconnected():
            piece = await run_in_threadpool(_read, job_id, file, offset)
            if piece is None:
                return
            if piece.text:
                offset, spoken = piece.offset, time.monotonic()
                yield Event("log", piece.text, str(offset))
            elif time.monotonic() - spoken > KEEP_ALIVE_SECONDS:
                spoken = time.monotonic()
                yield None
            if piece.is_final:
                yield Event("end", {"offset": offset}, str(offset))
                return
            if not piece.text:
                await watch.changed(LOOK_SECONDS)


def _resume(request: Request, offset: int) -> int:
    last = request.headers.get("last-event-id", "")
    return int(last) if last.isdigit() else offset


def _read(job_id: int, file: str, offset: int) -> logs.Piece | None:
    with reading() as session:
        job = session.get(Job, job_id)
        return logs.read(job, file, offset) if job else None


async def change_events(request: Request, job_id: int, state: Callable[[int], dict | None]) -> AsyncIterator[Event | None]:
    """`status` and `metrics` events whenever one of them is another than before, then `end`.

    `state(job_id)` gives `{"status": …, "metrics": …, "final": bool}`.
    """
    before: dict = {}
    spoken = time.monotonic()
    async with Watch(f"job:{job_id}") as watch:
        while not await request.is_disconnected():
            found = await run_in_threadpool(state, job_id)
            if found is None:
                return
            for kind in ("status", "metrics"):
                if found[kind] != before.get(kind):
                    spoken = time.monotonic()
                    yield Event(kind, found[kind])
            before = found
            if found["final"]:
                yield Event("end", found["status"])
                return
            if time.monotonic() - spoken > KEEP_ALIVE_SECONDS:
                spoken = time.monotonic()
                yield None
            await watch.changed(LOOK_SECONDS)
