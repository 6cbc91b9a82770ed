"""What is in use now: the slots and GPUs that held jobs take of each worker, compute and queue."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.compute.tables import JobNode, Worker
from app.jobs.lifecycle import HELD, Status
from app.jobs.tables import Job

TAKEN = (*HELD, Status.CANCEL_REQUESTED)


@dataclass
class Occupancy:
    """Slots in use by worker id, by `(workspace id, compute)` and by queue; GPU indexes in use by worker id."""

    workers: Counter[int] = field(default_factory=Counter)
    computes: Counter[tuple[int, str]] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)
    devices: dict[int, set[int]] = field(default_factory=dict)

    def add(self, worker_id: int, job, devices: Sequence[int] | None) -> None:
        self.workers[worker_id] += 1
        self.queues[job.queue] += 1
        self.devices.setdefault(worker_id, set()).update(devices or ())
        if job.compute:
            self.computes[job.workspace_id, job.compute] += 1

    def free_slots(self, worker: Worker) -> int:
        return max(0, worker.slots - self.workers[worker.id])

    def free_devices(self, worker: Worker) -> list[int]:
        used = self.devices.get(worker.id, set())
        return [gpu["index"] for gpu in worker.gpus if gpu["index"] not in used]

    def fits(self, worker: Worker, gpus: int, memory_bytes: int | None) -> int:
        """How many instances that ask for so much can start on this worker now."""
        if memory_bytes and memory_bytes > worker.memory_bytes:
            return 0
        slots = self.free_slots(worker)
        return min(slots, len(self.free_devices(worker)) // gpus) if gpus else slots


def now(session: Session) -> Occupancy:
    found = Occupancy()
    columns = (Job.worker_id, Job.queue, Job.compute, Job.workspace_id, Job.devices)
    held = select(*columns).where(Job.status.in_(TAKEN), Job.worker_id.is_not(None))
    for row in session.execute(held):
        found.add(row.worker_id, row, row.devices)
    nodes = (
        select(JobNode.worker_id, Job.queue, Job.compute, Job.workspace_id, JobNode.devices)
        .join(Job, Job.id == JobNode.job_id)
        .where(Job.status.in_(TAKEN), JobNode.rank > 0, JobNode.state != "ended")
    )
    for row in session.execute(nodes):
        found.add(row.worker_id, row, row.devices)
    return found
