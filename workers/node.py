"""This worker as one of many: its row in the registry, the jobs it holds, and its steady duties."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import ColumnElement, select

from app.compute import service as compute
from app.database import reading, transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.clock import until_next
from app.settings import Settings
from workers.containers import engine
from workers.containers.kubernetes import cluster
from workers.execution.gpus import find_gpus
from workers.execution.launcher import Launcher
from workers.held import Held

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
WATCH_SECONDS = 0.5
REPORT_SECONDS = 10
# How long the end of a worker waits for the jobs that it let go.
END_SECONDS = 6
TAKING, SWEEPS, WATCHING = "take jobs", "sweeps", "watch held jobs"


@dataclass(frozen=True)
class Duty:
    """Something that is done every so many seconds, in a thread of its own, as it may take long.

    `is_due` tells cheaply whether there is anything to do: True or False at once, or by a condition that is asked of
    the registry together with those of all other duties, so that a worker with nothing to do wakes once a second.
    """

    name: str
    seconds: float
    what: Callable[[], None]
    is_due: Callable[[], ColumnElement[bool] | bool] = lambda: True


class Node:
    def __init__(self, settings: Settings, slots: int) -> None:
        self.settings = settings
        self.slots = slots
        self.folder = Path(settings.home).resolve() / "workers" / f"{socket.gethostname()}-{os.getpid()}"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.engine = (
            cluster.find(settings) if settings.containers == "kubernetes" else engine.find(settings.containers)
        )
        self.launcher = Launcher(self.folder, warm_idle_seconds=settings.warm_idle_seconds)
        self.held: dict[tuple[int, int], Held] = {}
        self._ending = threading.Event()
        self._going = threading.Event()
        self._duties: tuple[Duty, ...] = ()
        self._wakers: dict[str, threading.Event] = {}
        self._began: dict[str, float] = {}
        self._running: set[threading.Thread] = set()
        self.id = self._join()

    @property
    def local_engine(self) -> engine.Engine | None:
        """One that runs containers on this machine, as those of endpoints are."""
        return None if isinstance(self.engine, cluster.Cluster) else self.engine

    def _join(self) -> int:
        of_cluster = self.engine.capacity() if isinstance(self.engine, cluster.Cluster) else None
        memory_bytes, gpus = of_cluster or (psutil.virtual_memory().total, find_gpus())
        with transaction() as session:
            worker = compute.join(
                session,
                name=f"{socket.gethostname()}-{os.getpid()}",
                host=socket.gethostname(),
                pid=os.getpid(),
                slots=self.slots,
                processors=os.cpu_count() or 1,
                memory_bytes=memory_bytes,
                gpus=gpus,
                engine=self.engine.name if self.engine else None,
            )
            return worker.id

    def start(self, *duties: Duty) -> None:
        """Begin to look after what is held, and to do each duty."""
        own = (
            Duty(WATCHING, WATCH_SECONDS, self._watch, self._is_holding),
            Duty("report", REPORT_SECONDS, self._report),
            Duty("renew leases", self.settings.lease_seconds / 3, self._renew, self._is_holding),
        )
        self._duties = (*own, *duties)
        self._wakers = {duty.name: threading.Event() for duty in self._duties}
        for duty in self._duties:
            threading.Thread(target=self._repeat, args=(duty,), name=duty.name, daemon=True).start()
        threading.Thread(target=self._look, name="look", daemon=True).start()

    def _is_holding(self) -> bool:
        return bool(self.held)

    def wake(self, duty: str) -> None:
        """Have a duty done at once, if it has begun."""
        if duty in self._wakers:
            self._wakers[duty].set()

    def begin(self, name: str, run: Callable[..., None], *args) -> None:
        """Run something that is held, in a thread that the end of this worker waits for."""

        def run_and_forget() -> None:
            try:
                run(self, *args)
            finally:
                self._running.discard(threading.current_thread())

        thread = threading.Thread(target=run_and_forget, name=name, daemon=True)
        self._running.add(thread)
        thread.start()

    def _repeat(self, duty: Duty) -> None:
        waker = self._wakers[duty.name]
        while not self._ending.is_set():
            waker.clear()
            self._began[duty.name] = time.monotonic()
            try:
                duty.what()
            except Exception:
                # The registry may be away for a while; every duty is tried again.
                log.exception("%s failed", duty.name)
            # What comes more often than the look keeps its own time.
            waker.wait(duty.seconds if duty.seconds < LOOK_SECONDS and duty.is_due() else None)

    def _look(self) -> None:
        """Wake each duty whose time has come and that has something to do."""
        while not self._ending.wait(until_next(LOOK_SECONDS)):
            moment = time.monotonic() + LOOK_SECONDS / 2
            rested = [duty for duty in self._duties if moment - self._began.get(duty.name, 0.0) >= duty.seconds]
            try:
                for duty in due(rested):
                    self._wakers[duty.name].set()
            except Exception:
                log.exception("what is to be done could not be looked for")

    def hold(self, job_id: int, attempt: int, rank: int = 0) -> Held:
        held = self.held[job_id, rank] = Held(job_id, attempt, rank)
        self.wake(WATCHING)
        return held

    def release(self, held: Held) -> None:
        self.held.pop((held.job_id, held.rank), None)
        for duty in (TAKING, SWEEPS):
            self.wake(duty)

    def _watch(self) -> None:
        """See which held jobs were cancelled, or given to another worker after a silence of ours."""
        holding = dict(self.held)
        if not holding:
            return
        with reading() as session:
            found = session.execute(
                select(Job.id, Job.status, Job.worker_id, Job.attempt).where(Job.id.in_({job for job, _ in holding}))
            )
            seen = {row.id: row for row in found}
        for (job_id, rank), held in holding.items():
            row = seen.get(job_id)
            is_elsewhere = row is None or row.attempt != held.attempt or (rank == 0 and row.worker_id != self.id)
            if is_elsewhere or row.status.is_final or row.status is Status.QUEUED:
                held.taken.set()
            elif row.status is Status.CANCEL_REQUESTED:
                held.cancel.set()

    def _renew(self) -> None:
        holding = list(self.held)
        if holding:
            with transaction() as session:
                moves.renew(session, self.id, [job for job, rank in holding if not rank], self.settings.lease_seconds)
                compute.renew(session, self.id, self.settings.lease_seconds)

    def _report(self) -> None:
        memory = psutil.virtual_memory()
        usage = {
            "cpu_percent": psutil.cpu_percent(),
            "memory_used_bytes": memory.total - memory.available,
            "jobs": len(self.held),
        }
        with transaction() as session:
            compute.report(session, self.id, usage)

    @property
    def has_room(self) -> bool:
        return len(self.held) < self.slots and not self.is_going

    @property
    def is_going(self) -> bool:
        return self._going.is_set()

    def let_go(self) -> None:
        """End the jobs that are held: this worker was told to stop."""
        self._going.set()
        for held in list(self.held.values()):
            held.leave.set()

    def stop(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        for thread in list(self._running):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._ending.set()
        for waker in self._wakers.values():
            waker.set()
        self.launcher.close()
        with transaction() as session:
            compute.leave(session, self.id)


def due(duties: Sequence[Duty]) -> list[Duty]:
    """Those that have something to do."""
    told = {duty: duty.is_due() for duty in duties}
    asked = {duty: found for duty, found in told.items() if not isinstance(found, bool)}
    if asked:
        with reading() as session:
            told |= zip(asked, session.execute(select(*asked.values())).one(), strict=True)
    return [duty for duty, found in told.items() if found]
