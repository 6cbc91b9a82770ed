"""Runs one job from claim to end: load, act with no transaction open, apply."""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from app.compute import taking
from app.database import transaction
from app.errors import AtelierError, Conflict, Unavailable
from app.jobs import containers, moves, results
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from workers.containers.images import Image
from workers.containers.kubernetes import cluster
from workers.execution import nodes, services
from workers.execution.carrying import Carrier
from workers.execution.distribution import Peer, ports_of
from workers.execution.folder import JobFolder
from workers.execution.launcher import Guest, Outcome
from workers.execution.logs import Shipper, SystemLog
from workers.execution.pods import Story
from workers.execution.prepare import Plan, prepare
from workers.execution.start import is_distributed, launch_of, mark_of
from workers.held import Held, Stopped
from workers.node import Node

log = logging.getLogger(__name__)
POLL_SECONDS = 0.1


def start_next(node: Node) -> bool:
    """Begin to run the job whose turn it is, in a thread of its own; False when there is none for this worker."""
    taken = take(node)
    if taken is not None:
        node.begin(f"job {taken[0].job_id}", run, *taken)
    return taken is not None


def take(node: Node) -> tuple[Plan, Held] | None:
    with transaction() as session:
        job = taking.take(session, node.id, node.settings.lease_seconds)
        if job is None:
            return None
        plan = Plan.of(session, job, node.settings)
    # Held only once the claim is committed: before, whoever watches what is held sees another's job.
    return plan, node.hold(plan.job_id, plan.attempt)


def run(node: Node, plan: Plan, held: Held) -> None:
    """Run a job that was taken to its end."""
    folder = JobFolder(node.folder / "jobs" / f"{plan.job_id}-{held.attempt}")
    system_log = SystemLog(plan)
    try:
        _run(node, held, plan, folder, system_log)
    except Stopped:
        _end_stopped(node, held, plan)
    except Conflict as error:
        log.warning("job %s slipped away: %s", plan.name, error.message)
    except Unavailable as error:
        _fail(node, held, plan, error.message, end=moves.lose)
    except AtelierError as error:
        _fail(node, held, plan, error.message, detail="\n".join(error.details) or None)
    except Exception as error:
        log.exception("job %s", plan.name)
        _fail(node, held, plan, f"The worker could not run the job: {error}")
    finally:
        node.release(held)
        system_log.close()
        shutil.rmtree(folder.root, ignore_errors=True)


def _run(node: Node, held: Held, plan: Plan, folder: JobFolder, system_log: SystemLog) -> None:
    found = prepare(node, held, plan, folder, system_log)
    carrier = Carrier(plan, folder)
    carrier.fetch()
    check(held)
    _tell_where(plan, found)
    peers = find_peers(plan, held, system_log, found)
    shippers = [Shipper(plan, folder.log), carrier]
    if story := story_of(found, folder, system_log, lambda where: _start_in_pod(node, held, plan, where)):
        shippers.append(story)
    else:
        _move(node, held, plan, Status.RUNNING, started=True)
    system_log.write(f"{'Command' if story else 'Started'}: {plan.command}")
    beside = services.chosen(plan, folder) if not story else _no_services(plan, system_log)
    guest = node.launcher.start(launch_of(node, plan, folder, found, peers, beside))
    with services.watched(plan, beside, folder):
        outcome, failure = watch(guest, held, shippers, plan)
    if held.taken.is_set() or held.leave.is_set():
        check(held)
    system_log.write(outcome.message or f"Ended with exit code {outcome.exit_code}.")
    if failure:
        raise failure
    if outcome.cause == "canceled" or held.cancel.is_set():
        raise Stopped
    if outcome.cause == "container" or (story and not story.has_started):
        raise Unavailable(outcome.message or "The pod of the job did not start.")
    if plan.instances > 1 and outcome.exit_code == 0:
        nodes.wait_for_others(plan, lambda: check(held))
    _move(node, held, plan, Status.FINALIZING, exit_code=outcome.exit_code)
    written = results.collect(plan.job_id, folder.outputs, folder.work)
    carrier.clear()
    _apply(node, held, plan, outcome, written)


def _tell_where(plan: Plan, found: Path | Image) -> None:
    """Write down whether the job runs in its container image or in what stands in for it."""
    if not (plan.environment or {}).get("container"):
        return
    with transaction() as session:
        job = session.get_one(Job, plan.job_id)
        image = (
            {"image": found.asked, "id": found.id, "engine": found.engine.name} if isinstance(found, Image) else None
        )
        containers.keep(job, image, plan.environment["notes"])


def story_of(
    found: Path | Image, folder: JobFolder, system_log: SystemLog, start: Callable[[dict[str, str]], None]
) -> Story | None:
    """What is told of the pod of a job; None for one that runs on this machine."""
    is_of_pod = isinstance(found, Image) and found.is_of_pod
    return Story(cluster.story_of(folder), system_log, start) if is_of_pod else None


def _start_in_pod(node: Node, held: Held, plan: Plan, where: dict[str, str]) -> None:
    """Only when its pod has started a job runs; should it be canceled meanwhile, whoever watches it finds out."""
    with suppress(Stopped, Conflict):
        _move(node, held, plan, Status.RUNNING, started=True)
    with transaction() as session:
        containers.tell_pod(session.get_one(Job, plan.job_id), where)


def _no_services(plan: Plan, system_log: SystemLog) -> list[services.Service]:
    if plan.spec.get("services"):
        system_log.write("The services of the job are not started: nobody reaches them in a pod.")
    return []


def address_of(plan: Plan, found: Path | Image) -> str | None:
    """Where other instances reach this one; None for this machine."""
    return mark_of(found, plan).address() if isinstance(found, Image) and found.is_of_pod else None


def find_peers(plan: Plan, held: Held, system_log: SystemLog, found: Path | Image) -> list[Peer]:
    """All instances, once they are ready; none for a job that is one process."""
    if plan.instances > 1:
        system_log.write(f"Waiting for {plan.instances} instances")
        return nodes.gather(plan, lambda: check(held), address_of(plan, found))
    return [Peer("127.0.0.1", nodes.free_ports(ports_of(plan.spec)))] if is_distributed(plan) else []


def watch(
    guest: Guest, held: Held, shippers: Sequence[Shipper | Carrier | Story], plan: Plan
) -> tuple[Outcome, AtelierError | None]:
    """Pass on what the guest prints until it ends, and end it when it must stop or another instance failed."""
    asked, failure, look_at = False, None, time.monotonic()
    while True:
        outcome = guest.wait(POLL_SECONDS)
        for shipper in shippers:
            shipper.ship()
        if outcome is not None:
            for shipper in shippers:
                shipper.finish()
            return outcome, failure
        if plan.instances > 1 and not plan.rank and time.monotonic() > look_at:
            failure = nodes.find_failure(plan)
            look_at = time.monotonic() + nodes.LOOK_SECONDS
        if (held.must_stop or failure) and not asked:
            asked = True
            guest.cancel()


def _apply(node: Node, held: Held, plan: Plan, outcome: Outcome, written: results.Written) -> None:
    """The outputs and the end are one transaction: who waits for the end finds the outputs."""
    try:
        with transaction() as session:
            job = session.get_one(Job, plan.job_id)
            results.keep(session, job, written)
            if outcome.exit_code == 0 and outcome.cause == "exited":
                moves.move(session, job, Status.COMPLETED, held_by=(node.id, held.attempt), error=None)
            else:
                message = outcome.message or "The command failed."
                moves.fail(session, job, message, held_by=(node.id, held.attempt))
    except Conflict:
        _end_stopped(node, held, plan)


def _fail(
    node: Node, held: Held, plan: Plan, message: str, detail: str | None = None, end: Callable = moves.fail
) -> None:
    try:
        with transaction() as session:
            job = session.get_one(Job, plan.job_id)
            end(session, job, message, detail=detail, held_by=(node.id, held.attempt))
    except Conflict:
        _end_stopped(node, held, plan)


def _end_stopped(node: Node, held: Held, plan: Plan) -> None:
    """A cancelled job becomes Canceled; one that was taken away is somebody else's to end."""
    with transaction() as session:
        job = session.get_one(Job, plan.job_id)
        if job.status is Status.CANCEL_REQUESTED and job.worker_id == node.id:
            moves.move(session, job, Status.CANCELED, held_by=(node.id, held.attempt))


def _move(node: Node, held: Held, plan: Plan, to: Status, *, started: bool = False, **changes) -> None:
    with transaction() as session:
        job = session.get_one(Job, plan.job_id)
        if job.status is Status.CANCEL_REQUESTED:
            raise Stopped
        if started:
            changes["started_at"] = plan.started()
        moves.move(session, job, to, held_by=(node.id, held.attempt), **changes)


def check(held: Held) -> None:
    if held.cancel.is_set() or held.taken.is_set():
        raise Stopped
    if held.leave.is_set():
        raise Unavailable("The worker that ran this job was stopped.")
