"""Where a job goes: its compute, queue and priority, and whether any worker could ever run it."""

from typing import Any

from sqlalchemy.orm import Session

from app.compute import queries
from app.compute.tables import DEFAULT_QUEUE, Compute, Worker
from app.errors import Invalid
from app.jobs.lifecycle import Priority
from app.jobs.placing import Placement
from app.jobs.specification import gpus_of
from app.settings import current

SERVERLESS = "serverless"
# Names that stand for the workers as they are: Azure ML's own, and those that mean this machine.
UNNAMED = {"", SERVERLESS, "local"}


def place(session: Session, workspace_id: int, spec: dict[str, Any]) -> Placement:
    """Raises Invalid that names the field: an unknown queue, or more than any worker or limit could give."""
    notes: list[str] = []
    compute = _compute(session, workspace_id, spec.get("compute"), notes)
    resources, settings = spec.get("resources") or {}, spec.get("queue_settings") or {}
    found = Placement(
        queue=_queue(session, settings.get("queue"), compute),
        priority=Priority[(settings.get("priority") or "medium").upper()],
        compute=compute.name if compute else None,
        instances=_instances(session, spec, resources),
        gpus=gpus_of(resources),
        memory_bytes=spec.get("memory_bytes"),
        notes=tuple(notes),
    )
    _check_limits(session, found, compute)
    _check_workers(queries.working(session), found)
    return found


def _instances(session: Session, spec: dict[str, Any], resources: dict[str, Any]) -> int:
    """A parallel step is content with fewer, each of which has more processes."""
    if parallel := spec.get("parallel"):
        return max(1, min(parallel.get("instances") or 1, len(queries.working(session))))
    return int(resources.get("instance_count") or 1)


def name_of(address: str) -> str:
    """The name in `azureml:NAME` or in the long form of Azure, which ends in `/computes/NAME`."""
    return address.removeprefix("azureml:").rstrip("/").rpartition("/")[2]


def _compute(session: Session, workspace_id: int, address: str | None, notes: list[str]) -> Compute | None:
    name = name_of(address or "")
    if name.lower() in UNNAMED:
        return None
    found = queries.find_compute(session, workspace_id, name)
    if found and found.stopped_at:
        notes.append(f"compute: {name} is stopped, so the job waits; start it with `atelier compute start -n {name}`.")
    if found:
        return found
    instead = current().unknown_compute
    stand_in = queries.find_compute(session, workspace_id, instead) if instead.lower() not in UNNAMED else None
    text = f"compute: there is no compute {name!r} here, so the job runs on {stand_in.name if stand_in else SERVERLESS}"
    notes.append(f"{text}; make it with `atelier compute create`, or change the setting `unknown_compute`.")
    return stand_in


def _queue(session: Session, name: str | None, compute: Compute | None) -> str:
    name = name or (compute.queue if compute else None) or DEFAULT_QUEUE
    if name != DEFAULT_QUEUE and queries.find_queue(session, name) is None:
        known = ", ".join(
            [DEFAULT_QUEUE, *(queue.name for queue in queries.queues(session) if queue.name != DEFAULT_QUEUE)]
        )
        raise Invalid(
            f"queue_settings.queue: there is no queue {name!r}; there are: {known}.", target="queue_settings.queue"
        )
    return name


def _check_limits(session: Session, found: Placement, compute: Compute | None) -> None:
    field = "resources.instance_count"
    if compute and compute.max_instances is not None and found.instances > compute.max_instances:
        raise Invalid(
            f"{field}: is {found.instances}; compute {compute.name} has max_instances {compute.max_instances}.",
            target=field,
        )
    queue = queries.find_queue(session, found.queue)
    if queue and queue.max_slots is not None and found.instances > queue.max_slots:
        raise Invalid(
            f"{field}: is {found.instances}; queue {queue.name} may use {queue.max_slots} slots at a time.",
            target=field,
        )


def _check_workers(workers: list[Worker], found: Placement) -> None:
    """Nothing is refused while no worker is here: nobody knows then what the next one will have."""
    if not workers:
        return
    field = "resources.docker_args"
    most = max(len(worker.gpus) for worker in workers)
    if found.gpus > most:
        has = f"the worker with most of them has {most}" if most else "no worker has one"
        raise Invalid(f"{field}: asks for {found.gpus} GPUs; {has}.", target=field)
    memory = max(worker.memory_bytes for worker in workers)
    if found.memory_bytes and found.memory_bytes > memory:
        text = f"asks for {_gib(found.memory_bytes)} of memory; the largest worker has {_gib(memory)}."
        raise Invalid(f"{field}: {text}", target=field)
    slots = sum(instances_on(worker, found.gpus, found.memory_bytes) for worker in workers)
    if found.instances > slots:
        field = "resources.instance_count"
        text = f"is {found.instances}; all {len(workers)} workers together can run {slots} such instances at a time."
        raise Invalid(f"{field}: {text.replace('all 1 workers together', 'the only worker')}", target=field)


def instances_on(worker: Worker, gpus: int, memory_bytes: int | None) -> int:
    """How many instances of a job an idle worker can run at a time."""
    slots = min(worker.slots, worker.memory_bytes // memory_bytes) if memory_bytes else worker.slots
    return min(slots, len(worker.gpus) // gpus) if gpus else slots


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
