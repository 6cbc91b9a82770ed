"""Why a job waits, in one sentence, its place, when it may start, and what would help."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session

from app.compute import occupancy, queries
from app.compute.estimate import History, start_after
from app.compute.occupancy import TAKEN, Occupancy, share_of
from app.compute.placement import instances_on
from app.compute.tables import DEFAULT_QUEUE, Compute, Queue, Worker
from app.environments import queries as environments
from app.environments.specification import EnvironmentSpec, digest
from app.jobs.lifecycle import Priority, Status
from app.jobs.tables import Job
from app.jobs.waiting import Help, Waiting
from app.kit.clock import now

# So many of the jobs before one are looked at singly; the rest count as their mean.
MOST_LOOKED_AT = 1000
NAMED = 2
START_WORKER = Help("Start one more worker", "/compute", "atelier worker --server-config atelier.toml")


@dataclass
class Look:
    """The workers and what they hold, read once for all jobs that are explained."""

    session: Session
    workers: Sequence[Worker]
    used: Occupancy
    held: Sequence[Row]
    queues: dict[str, Queue]
    history: History
    building: dict[str, str]
    first: dict[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def now(cls, session: Session) -> "Look":
        columns = (Job.name, Job.workspace_id, Job.compute, Job.queue, Job.gpus, Job.started_at, Job.experiment_id)
        held = select(*columns).where(Job.status.in_(TAKEN), Job.worker_id.is_not(None)).order_by(Job.started_at)
        queues = {queue.name: queue for queue in queries.queues(session)}
        workers = queries.working(session)
        building = environments.building(session)
        used, rows = occupancy.now(session), session.execute(held).all()
        return cls(session, workers, used, rows, queues, History(session), building)

    @property
    def slots(self) -> int:
        return sum(worker.slots for worker in self.workers)

    def first_of(self, queue: str) -> list[Row]:
        """The first of those that wait in a queue, in the order in which they are taken."""
        if queue not in self.first:
            waiting = select(Job.id, Job.name, Job.experiment_id, Job.instances, Job.workspace_id)
            waiting = waiting.where(Job.status == Status.QUEUED, Job.queue == queue)
            ordered = waiting.order_by(Job.priority, Job.queued_at, Job.id).limit(MOST_LOOKED_AT)
            self.first[queue] = list(self.session.execute(ordered))
        return self.first[queue]

    def before(self, job: Job) -> tuple[list[Row], int]:
        """The first of those before it, and how many there are in all."""
        first = self.first_of(job.queue)
        place = next((index for index, row in enumerate(first) if row.id == job.id), None)
        if place is not None:
            return first[:place], place
        earlier = or_(
            Job.priority < job.priority,
            and_(Job.priority == job.priority, Job.queued_at < job.queued_at),
            and_(Job.priority == job.priority, Job.queued_at == job.queued_at, Job.id < job.id),
        )
        counted = select(func.count()).where(Job.status == Status.QUEUED, Job.queue == job.queue, earlier)
        return first, self.session.scalar(counted) or 0

    def names(self, job: Job, rows: Sequence[Row]) -> str:
        """`a, b and 3 more`: jobs of other workspaces are counted and not named."""
        own = [row.name for row in rows if row.workspace_id == job.workspace_id][:NAMED]
        more = len(rows) - len(own)
        if not own:
            return f"{more} job{'s' if more > 1 else ''} of other workspaces"
        return f"{', '.join(own)} and {more} more" if more else " and ".join(own)


def explain(session: Session, jobs: Sequence[Job]) -> dict[int, Waiting]:
    waiting = [job for job in jobs if job.status is Status.QUEUED]
    if not waiting:
        return {}
    look = Look.now(session)
    return {job.id: _explain(look, job) for job in waiting}


def _explain(look: Look, job: Job) -> Waiting:
    ahead, count = look.before(job)
    reason, helps, can_start = _cause(look, job, ahead)
    if count and can_start and job.priority > Priority.HIGH:
        helps = [*helps, Help("Raise its priority", f"/jobs/{job.name}", f"atelier job priority -n {job.name} high")]
    starts = _starts_in(look, job, ahead, count) if can_start else None
    if count:
        jobs, go = ("job", "goes") if count == 1 else ("jobs", "go")
        reason = f"{reason}, and {count:,} {jobs} of queue {job.queue} {go} first"
    if look.building and job.environment:
        name = look.building.get(digest(EnvironmentSpec.from_dict(job.environment)))
        reason += f"; its environment {name} is being built" if name else ""
    return Waiting(f"{reason}.", count + 1, starts, look.history.of(job), tuple(helps))


def _cause(look: Look, job: Job, ahead: Sequence[Row]) -> tuple[str, list[Help], bool]:
    """The sentence without its end, what helps, and whether it starts without anybody's doing."""
    if not look.workers:
        return "No worker is here to run it", [START_WORKER], False
    if impossible := _impossible(look, job):
        return impossible, [START_WORKER], False
    compute = queries.find_compute(look.session, job.workspace_id, job.compute) if job.compute else None
    if compute and compute.stopped_at:
        offer = Help("Start the compute", f"/compute/named/{compute.name}", f"atelier compute start -n {compute.name}")
        return f"Compute {compute.name} is stopped", [offer], False
    if limited := _limited(look, job, compute):
        return *limited, True
    if job.gpus and sum(look.used.fits(worker, job.gpus, job.memory_bytes) for worker in look.workers) < job.instances:
        holding = [row for row in look.held if row.gpus]
        text = f"The {job.gpus * job.instances} GPUs that it needs are not free: {look.names(job, holding)} hold them"
        return text if holding else "No worker with free GPUs has a free slot", [START_WORKER], True
    free = sum(look.used.free_slots(worker) for worker in look.workers)
    if job.instances > 1 and free < job.instances:
        text = f"It needs {job.instances} slots at a time and {free} of {look.slots} are free"
        return f"{text}; they are kept as they get free", [START_WORKER], True
    if not free:
        held = f" by {look.names(job, look.held)}" if look.held else ""
        slots = f"All {look.slots} slots are" if look.slots > 1 else "The only slot is"
        return f"{slots} in use{held}", [START_WORKER], True
    if short := _short_of_memory(look, job):
        return short, [START_WORKER], True
    gang = next((row for row in ahead if row.instances > free), None)
    if gang:
        return f"Free slots are kept for {look.names(job, [gang])}, which needs {gang.instances} at a time", [], True
    return "It is about to be taken by a worker" if not ahead else f"{free} of {look.slots} slots are free", [], True


def _impossible(look: Look, job: Job) -> str | None:
    """What none of the workers that are here now can give."""
    able = [worker for worker in look.workers if instances_on(worker, job.gpus, job.memory_bytes)]
    if not able and job.gpus:
        most = max(len(worker.gpus) for worker in look.workers)
        has = f"the most that one has is {most}" if most else "none has any"
        return f"No worker that is here has the {job.gpus} GPU{'s' if job.gpus > 1 else ''} that it needs: {has}"
    if not able:
        most = max(worker.memory_bytes for worker in look.workers) / 2**30
        return (
            f"No worker that is here has the {job.memory_bytes / 2**30:.1f} GiB of memory that it needs, but {most:.1f}"
        )
    together = sum(instances_on(worker, job.gpus, job.memory_bytes) for worker in able)
    if together < job.instances:
        return f"It needs {job.instances} instances at a time, and the workers that are here can run {together}"
    return None


def _short_of_memory(look: Look, job: Job) -> str | None:
    """What is said where slots are free, but not with the memory that a job states or gets as its share."""
    if sum(look.used.fits(worker, 0, job.memory_bytes) for worker in look.workers) >= job.instances:
        return None
    with_slot = [worker for worker in look.workers if look.used.free_slots(worker)]
    most = max(with_slot, key=look.used.free_memory)
    wanted = (job.memory_bytes or share_of(most.memory_bytes, most.slots)) / 2**30
    has = f"the most that a worker with a free slot has left is {look.used.free_memory(most) / 2**30:.1f}"
    return f"It needs {wanted:.1f} GiB of memory and {has}: {look.names(job, look.held)} hold the rest"


def _limited(look: Look, job: Job, compute: Compute | None) -> tuple[str, list[Help]] | None:
    queue = look.queues.get(job.queue) or look.queues[DEFAULT_QUEUE]
    used = look.used.queues[job.queue]
    if queue.max_slots is not None and used + job.instances > queue.max_slots:
        names = look.names(job, [row for row in look.held if row.queue == job.queue])
        text = f"Queue {queue.name} uses {used} of its {queue.max_slots} slots, for {names}"
        command = f"atelier queue update -n {queue.name} --max-slots {queue.max_slots + job.instances}"
        return text, [Help("Raise the limit of the queue", "/compute/queue", command)]
    if not compute or compute.max_instances is None:
        return None
    used = look.used.computes[job.workspace_id, compute.name]
    if used + job.instances <= compute.max_instances:
        return None
    names = look.names(job, [row for row in look.held if row.compute == compute.name])
    text = f"Compute {compute.name} runs {used} of its {compute.max_instances} instances, for {names}"
    command = f"atelier compute update -n {compute.name} --max-instances {compute.max_instances + job.instances}"
    return text, [Help("Raise max_instances of the compute", f"/compute/named/{compute.name}", command)]


def _starts_in(look: Look, job: Job, ahead: Sequence[Row], count: int) -> float | None:
    """With several queues, a queue is counted with its share of the slots."""
    if not count and sum(look.used.free_slots(worker) for worker in look.workers) >= job.instances:
        return 0.0
    counts = Counter(row.experiment_id for row in (*look.held, *ahead)) + Counter([job.experiment_id])
    seconds = look.history.of_experiments(counts)
    if not seconds:
        return None
    at = now()
    left = [
        max(1.0, seconds[row.experiment_id] - (at - row.started_at).total_seconds() if row.started_at else 1.0)
        for row in look.held
    ]
    durations = [seconds[row.experiment_id] for row in ahead]
    slots = max(1, round(look.slots * _share(look, job.queue)))
    found = start_after(slots, left[:slots], durations)
    unseen = count - len(ahead)
    return found + unseen * (sum(durations) / len(durations)) / slots if unseen and durations else found


def _share(look: Look, queue: str) -> float:
    weights = {name: row.weight for name, row in look.queues.items() if name == queue or look.first_of(name)}
    return weights.get(queue, 1) / (sum(weights.values()) or 1)
