"""A job on several instances: they start together, find each other, and end as one.

The worker that claimed the job runs its first instance and decides for all; the others run those that were reserved
on them, and say how they are in `job_nodes`.
"""

import contextlib
import random
import socket
import time
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Exists, exists, select, update

from app.compute.tables import JobNode
from app.database import reading, transaction
from app.errors import Unavailable
from app.kit.clock import now
from workers.execution.distribution import Peer, ports_of

LOOK_SECONDS = 0.3


def ready(plan, address: str | None = None) -> Peer:
    """Say that this instance can start, and where it will be reached: at this machine where nothing else is said."""
    peer = Peer(address or _own_address(), free_ports(ports_of(plan.spec)))
    _write(plan, state="ready", address=peer.address, port=peer.port)
    return peer


def gather(plan, check: Callable[[], None], address: str | None = None) -> list[Peer]:
    """Where all instances are, once each is ready; raises Unavailable when one cannot be."""
    ready(plan, address)
    while True:
        nodes = _all(plan)
        raise_failed(nodes)
        if all(node.state == "ready" for node in nodes):
            return peers_of(nodes)
        check()
        time.sleep(LOOK_SECONDS)


def peers(plan) -> list[Peer]:
    return peers_of(_all(plan))


def peers_of(nodes: Sequence[JobNode]) -> list[Peer]:
    """On one machine they meet at its loopback address, which no firewall is in the way of."""
    is_one_machine = len({node.address for node in nodes}) == 1
    return [Peer("127.0.0.1" if is_one_machine else node.address or "", node.port or 0) for node in nodes]


def wait_for_others(plan, check: Callable[[], None]) -> None:
    """Return when all other instances have ended well; raises Unavailable when one has not."""
    while True:
        nodes = _all(plan)
        raise_failed(nodes)
        if all(node.state == "ended" for node in nodes if node.rank != plan.rank):
            return
        check()
        time.sleep(LOOK_SECONDS)


def find_failure(plan) -> Unavailable | None:
    try:
        raise_failed(_all(plan))
    except Unavailable as error:
        return error
    return None


def raise_failed(nodes: Sequence[JobNode]) -> None:
    for node in nodes:
        if node.state == "ended" and (node.message or node.exit_code):
            raise Unavailable(f"Instance {node.rank} failed: {node.message or f'exit code {node.exit_code}.'}")
        if node.state != "ended" and node.lease_expires_at < now():
            raise Unavailable(f"Instance {node.rank} was lost: its worker stopped or could not be reached.")


def end(plan, exit_code: int | None, message: str | None) -> None:
    _write(plan, state="ended", exit_code=exit_code, message=message)


def run(plan) -> None:
    _write(plan, state="running")


def reserved(worker_id: int) -> list[tuple[int, int, int]]:
    """Job, rank and attempt of the instances that a worker is to run beside those that it claimed."""
    found = select(JobNode.job_id, JobNode.rank, JobNode.attempt)
    with reading() as session:
        return [tuple(row) for row in session.execute(found.where(*_reserved(worker_id)))]


def is_any_reserved(worker_id: int) -> Exists:
    return exists().where(*_reserved(worker_id))


def _reserved(worker_id: int) -> tuple[ColumnElement[bool], ...]:
    return JobNode.worker_id == worker_id, JobNode.state == "reserved", JobNode.rank > 0


def _all(plan) -> Sequence[JobNode]:
    with reading() as session:
        found = select(JobNode).where(JobNode.job_id == plan.job_id, JobNode.attempt == plan.attempt)
        return session.scalars(found.order_by(JobNode.rank)).all()


def _write(plan, **changes) -> None:
    own = (JobNode.job_id == plan.job_id, JobNode.rank == plan.rank, JobNode.attempt == plan.attempt)
    with transaction() as session:
        session.execute(update(JobNode).where(*own).values(**changes))


def _own_address() -> str:
    """The address by which this machine is known to the network, without anything being sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]
    return "127.0.0.1"


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on; raises Unavailable where there are none."""
    for _ in range(100):
        # Below those that Linux gives to clients.
        first = random.randrange(20_000, 32_000 - count)
        with contextlib.ExitStack() as opened:
            try:
                for port in range(first, first + count):
                    opened.enter_context(socket.socket()).bind(("", port))
            except OSError:
                continue
            return first
    raise Unavailable(f"No {count} free ports in a row were found on this machine.")
