"""Runs one further instance of a job whose first one another worker, or this one, decides about."""

import logging
import shutil
import time

from app.database import reading, transaction
from app.errors import AtelierError
from app.jobs import results
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from workers.execution import nodes
from workers.execution.folder import JobFolder
from workers.execution.logs import Shipper, SystemLog
from workers.execution.prepare import Plan, prepare
from workers.execution.runner import address_of, check, story_of, watch
from workers.execution.start import launch_of
from workers.held import Held, Stopped
from workers.node import Node

log = logging.getLogger(__name__)


def start_reserved(node: Node) -> None:
    """Begin the instances that were reserved on this worker."""
    for job_id, rank, attempt in nodes.reserved(node.id):
        if (job_id, rank) not in node.held and not node.is_going:
            held = node.hold(job_id, attempt, rank)
            node.begin(f"instance {rank} of job {job_id}", run, held)


def run(node: Node, held: Held) -> None:
    plan = None
    try:
        with transaction() as session:
            job = session.get(Job, held.job_id)
            if job is None or job.attempt != held.attempt or job.status.is_final:
                return
            plan = Plan.of(session, job, node.settings, held.rank)
        nodes.end(plan, *_run(node, held, plan))
    except Exception as error:
        log.exception("instance %s of job %s", held.rank, held.job_id)
        if plan:
            nodes.end(plan, None, f"The worker could not run it: {error}")
    finally:
        node.release(held)


def _run(node: Node, held: Held, plan: Plan) -> tuple[int | None, str | None]:
    """Exit code, and what went wrong in one sentence."""
    folder = JobFolder(node.folder / "jobs" / f"{plan.job_id}-{held.attempt}-{held.rank}")
    system_log = SystemLog(plan)
    try:
        found = prepare(node, held, plan, folder, system_log)
        nodes.ready(plan, address_of(plan, found))
        _wait_for_start(plan, held)
        nodes.run(plan)
        system_log.write(f"Started instance {plan.rank}: {plan.command}")
        guest = node.launcher.start(launch_of(node, plan, folder, found, nodes.peers(plan)))
        shippers = [Shipper(plan, folder.log)]
        if story := story_of(found, folder, system_log, lambda _: None):
            shippers.append(story)
        outcome, _ = watch(guest, held, shippers, plan)
        check(held)
        system_log.write(outcome.message or f"Ended with exit code {outcome.exit_code}.")
        if not outcome.message:
            results.collect(plan.job_id, folder.outputs, folder.work)
        return outcome.exit_code, outcome.message
    except Stopped:
        return None, None
    except AtelierError as error:
        return None, error.message
    finally:
        system_log.close()
        shutil.rmtree(folder.root, ignore_errors=True)


def _wait_for_start(plan: Plan, held: Held) -> None:
    while True:
        check(held)
        with reading() as session:
            job = session.get(Job, plan.job_id)
            if job is None or job.attempt != plan.attempt or job.status.is_final:
                raise Stopped
            if job.status is Status.RUNNING:
                return
        time.sleep(nodes.LOOK_SECONDS)
