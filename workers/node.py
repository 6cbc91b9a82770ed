"""This worker as one of many: its row in the registry, the jobs it holds, and its steady duties."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from sqlalchemy import select

from app.compute import service as compute
from app.database import reading, transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.settings import Settings
from workers.containers import engine
from workers.containers.kubernetes import cluster
from workers.execution.gpus import find_gpus
from workers.execution.launcher import Launcher
from workers.held import Held

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
REPORT_SECONDS = 10
# How long the end of a worker waits for the jobs that it let go.
END_SECONDS = 6
TAKING, SWEEPS = "take jobs", "sweeps"


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
        self._wakers: dict[str, threading.Event] = {}
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

    def start(self, *duties: tuple[str, float, Callable[[], None]]) -> None:
        """Begin to look after what is held, and to do each duty `(name, every seconds, what)`."""
        for name, seconds, what in (
            ("watch held jobs", LOOK_SECONDS, self._watch),
            ("report", REPORT_SECONDS, self._report),
            ("renew leases", self.settings.lease_seconds / 3, self._renew),
            *duties,
        ):
            self._wakers[name] = threading.Event()
            threading.Thread(target=self._repeat, args=(name, seconds, what), name=name, daemon=True).start()

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

    def _repeat(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        waker = self._wakers[name]
        while not self._ending.is_set():
            waker.clear()
            started = time.monotonic()
            try:
                what()
            except Exception:
                # The registry may be away for a while; every duty is tried again.
                log.exception("%s failed", name)
            waker.wait(max(0.0, seconds - (time.monotonic() - started)))

    def hold(self, job_id: int, attempt: int, rank: int = 0) -> Held:
        held = self.held[job_id, rank] = Held(job_id, attempt, rank)
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
