"""What is in use now: the slots, GPUs and memory that held jobs take of each worker, compute and queue."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.compute.tables import Compute, JobNode, Worker
from app.jobs.lifecycle import HELD, Status
from app.jobs.tables import Job

TAKEN = (*HELD, Status.CANCEL_REQUESTED)
# What jobs that state no memory share; the rest is left to the machine and its caches.
SHARED = 0.8


@dataclass
class Occupancy:
    """Slots in use by worker id, by `(workspace id, compute)` and by queue; GPU indexes in use by worker id.

    `memory` are the bytes that jobs on a worker have stated, `unstated` how many of its jobs state none.
    """

    workers: Counter[int] = field(default_factory=Counter)
    computes: Counter[tuple[int, str]] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)
    devices: dict[int, set[int]] = field(default_factory=dict)
    memory: Counter[int] = field(default_factory=Counter)
    unstated: Counter[int] = field(default_factory=Counter)

    def add(self, worker_id: int, job, devices: Sequence[int] | None, count: int) -> None:
        """`count` instances of jobs that ask for the same as `job`."""
        self.workers[worker_id] += count
        self.queues[job.queue] += count
        self.devices.setdefault(worker_id, set()).update(devices or ())
        self.memory[worker_id] += (job.memory_bytes or 0) * count
        self.unstated[worker_id] += 0 if job.memory_bytes else count
        if job.compute:
            self.computes[job.workspace_id, job.compute] += count

    def free_slots(self, worker: Worker) -> int:
        return max(0, worker.slots - self.workers[worker.id])

    def free_devices(self, worker: Worker) -> list[int]:
        used = self.devices.get(worker.id, set())
        return [gpu["index"] for gpu in worker.gpus if gpu["index"] not in used]

    def free_memory(self, worker: Worker) -> int:
        shared = self.unstated[worker.id] * share_of(worker.memory_bytes, worker.slots)
        return max(0, worker.memory_bytes - self.memory[worker.id] - shared)

    def fits(self, worker: Worker, gpus: int, memory_bytes: int | None) -> int:
        """How many instances that ask for so much can start on this worker now."""
        wanted = memory_bytes or share_of(worker.memory_bytes, worker.slots)
        room = min(self.free_slots(worker), self.free_memory(worker) // wanted)
        return min(room, len(self.free_devices(worker)) // gpus) if gpus else room


def share_of(memory_bytes: int, slots: int) -> int:
    """What is set aside, of the memory of a worker, for a job that states none."""
    return max(1, int(memory_bytes * SHARED / max(1, slots)))


def now(session: Session) -> Occupancy:
    """Counted by the database, as workers that hold a thousand jobs look before they take the next."""
    found = Occupancy()
    columns = (Job.worker_id, Job.queue, Job.compute, Job.workspace_id, Job.devices, Job.memory_bytes)
    of_jobs = select(*columns, func.count().label("instances")).where(Job.status.in_(TAKEN), Job.worker_id.is_not(None))
    columns = (JobNode.worker_id, Job.queue, Job.compute, Job.workspace_id, JobNode.devices, Job.memory_bytes)
    of_nodes = (
        select(*columns, func.count().label("instances"))
        .join_from(JobNode, Job, Job.id == JobNode.job_id)
        .where(Job.status.in_(TAKEN), JobNode.rank > 0, JobNode.state != "ended")
    )
    for counted in (of_jobs, of_nodes):
        for row in session.execute(counted.group_by(*list(counted.selected_columns)[:-1])):
            found.add(row.worker_id, row, row.devices, row.instances)
    return found


def jobs_of_compute(session: Session, compute: Compute) -> dict[int, list[str]]:
    """Names of the jobs of a compute that hold slots, by the id of the worker."""
    own = (Job.workspace_id == compute.workspace_id, Job.compute == compute.name, Job.status.in_(TAKEN))
    of_jobs = select(Job.worker_id, Job.name).where(*own, Job.worker_id.is_not(None))
    of_nodes = (
        select(JobNode.worker_id, Job.name)
        .join_from(JobNode, Job, Job.id == JobNode.job_id)
        .where(*own, JobNode.rank > 0, JobNode.state != "ended")
    )
    found: dict[int, list[str]] = {}
    for worker_id, name in session.execute(of_jobs.union(of_nodes)):
        found.setdefault(worker_id, []).append(name)
    return found
