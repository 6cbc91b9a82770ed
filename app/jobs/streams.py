"""Event streams of a job: its state, its metrics, its log. Each resumes where it broke off."""

import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.database import reading
from app.jobs import logs
from app.jobs.tables import Job
from app.kit.log_files import Piece
from app.web.log_streams import KEEP_ALIVE_SECONDS, LOOK_SECONDS, follow
from app.web.sse import Event
from app.web.watching import Watch

UNHINTED_SECONDS = 5.0


def log_events(request: Request, job_id: int, file: str, offset: int) -> AsyncIterator[Event | None]:
    """`log` events whose id is the byte offset after them, then `end`."""

    def look(start: int) -> Piece | None:
        with reading() as session:
            job = session.get(Job, job_id)
            return logs.read(job, file, start) if job else None

    return follow(request, f"job:{job_id}", look, offset)


async def change_events(job_id: int) -> AsyncIterator[Event | None]:
    """`status`, `metrics` and `children` whenever there is something new to see of them, then `end`.

    Without hints a running job counts as changed every few seconds.
    """
    before = None
    spoken = time.monotonic()
    async with Watch(f"job:{job_id}") as watch:
        kinds = {"metrics"}
        while True:
            found = await run_in_threadpool(_state, job_id)
            if found is None:
                return
            if found != before:
                before, spoken = found, time.monotonic()
                yield Event("status", found["status"])
            if "children" in kinds:
                yield Event("children", {})
            if "metrics" in kinds or time.monotonic() - spoken > UNHINTED_SECONDS:
                spoken = time.monotonic()
                yield Event("metrics", {})
            if found["final"]:
                yield Event("metrics", {})
                yield Event("end", found["status"])
                return
            kinds = await watch.changed(LOOK_SECONDS)


def _state(job_id: int) -> dict | None:
    with reading() as session:
        job = session.get(Job, job_id)
        return {"status": job.status, "final": job.status.is_final} if job else None


async def list_events(workspace_id: int) -> AsyncIterator[Event | None]:
    """`jobs` whenever a job of the workspace came, went or changed its state."""
    async with Watch(f"jobs:{workspace_id}") as watch:
        while True:
            yield Event("jobs", {}) if await watch.changed(KEEP_ALIVE_SECONDS) else None
