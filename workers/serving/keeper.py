"""Brings about what the tables say should serve: claims instances, keeps their processes, reports back."""

import logging
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Exists, exists, select
from sqlalchemy.orm import Session

from app.compute import queries as compute
from app.database import reading, transaction
from app.endpoints import claiming, logs, scaling, service
from app.endpoints.metrics import service as metrics
from app.endpoints.metrics.tally import of_gauges
from app.endpoints.tables import DeploymentInstance, OnlineDeployment
from app.environments.specification import EnvironmentSpec
from app.kit import crypto
from app.kit.clock import milliseconds, now
from app.kit.outbox import hint
from app.kit.storage import store
from workers.execution import environments
from workers.execution.start import memory_limit
from workers.node import Node
from workers.serving.compiling import Compiler, Order
from workers.serving.images import Images
from workers.serving.recycling import Held, Recycler
from workers.serving.specs import Wanted, container_spec, instance_folder, instance_spec
from workers.serving.supervisor import InstanceSpec, Supervisor
from workers.serving.usage import Usage

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=15)
RENEW_WITHIN = timedelta(seconds=10)
MOST_INSTANCES = 32


@dataclass(frozen=True)
class Seen:
    """What was last written about an instance, so that only changes are."""

    state: str
    address: str | None
    restarts: int
    error: str | None


class Keeper:
    def __init__(self, node: Node) -> None:
        self.node = node
        self.supervisor = Supervisor(node.folder / "serving", node.launcher)
        self.compiler = Compiler(node)
        self.images = Images(node)
        self.mine: dict[int, Seen] = {}
        self.leases: dict[int, object] = {}
        self.log_offsets: dict[int, int] = {}
        self.failed_builds: dict[int, str] = {}
        self.usage = Usage()
        self.wanted: list[Wanted] = []
        self.recycler = Recycler()

    def is_due(self) -> Exists | bool:
        """Whether there is anything to keep here, or to claim."""
        return self.is_serving() or exists().where(self._concerns())

    def is_serving(self) -> bool:
        return bool(self.mine or self.supervisor.names())

    def reconcile(self) -> None:
        """One look: what should run here does, what should not is ended, and the tables say so."""
        wanted = self.wanted = self._wanted()
        for name in set(self.supervisor.names()) - {item.name for item in wanted}:
            self.supervisor.stop(name)
        for item in wanted:
            self._keep(item)
        for gone in set(self.mine) - {item.id for item in wanted}:
            self.mine.pop(gone)
            self.leases.pop(gone, None)
            self.log_offsets.pop(gone, None)
            self.images.forget(gone)

    def _wanted(self) -> list[Wanted]:
        """The instances of this worker, new ones claimed; those that should stop are deleted."""
        with reading() as session:
            busy = session.scalars(select(DeploymentInstance.id).where(self._concerns())).all()
        if not busy:
            return []
        with transaction() as session:
            self._claim(session)
            mine = session.scalars(select(DeploymentInstance).where(DeploymentInstance.worker_id == self.node.id)).all()
            for found in mine:
                if found.state == "Stopping":
                    self.supervisor.stop(f"instance-{found.id}")
                    session.delete(found)
            kept = [found for found in mine if found.state != "Stopping"]
            self._renew(kept)
            orphans = select(DeploymentInstance).where(
                DeploymentInstance.state == "Stopping",
                DeploymentInstance.worker_id.is_(None) | (DeploymentInstance.lease_expires_at < now()),
            )
            for found in session.scalars(orphans):
                session.delete(found)
            return [Wanted.of(session, found) for found in kept]

    def _claim(self, session: Session) -> None:
        room = max(MOST_INSTANCES - len(self.mine), 0)
        claiming.claim_instances(
            session,
            self.node.id,
            now() + LEASE,
            room,
            workers=len(compute.working(session)),
            has_engine=self.node.local_engine is not None,
        )

    def _concerns(self):
        """Instances of this worker, and those that no living worker has."""
        mine = DeploymentInstance.worker_id == self.node.id
        return mine | DeploymentInstance.worker_id.is_(None) | (DeploymentInstance.lease_expires_at < now())

    def _renew(self, instances: list[DeploymentInstance]) -> None:
        for found in instances:
            if found.lease_expires_at is None or found.lease_expires_at - now() < RENEW_WITHIN:
                found.lease_expires_at = now() + LEASE

    def _keep(self, item: Wanted) -> None:
        if item.id not in self.mine:
            # SQLite gives the id of a deleted instance to another, whose files are other ones.
            shutil.rmtree(self.node.folder / "serving" / item.name, ignore_errors=True)
        try:
            spec = self._spec(item)
            if spec is None:
                self._report_starting(item)
                return
            state = self.supervisor.ensure(spec)
            seen = Seen(state.state, state.address, state.restarts, state.error)
            self._ship_log(item, state.log_path)
            if item.compile_from and state.state == "Ready":
                self.compiler.consider(Order(item.deployment_id, item.workspace_id, item.compile_from, spec))
        except Exception as error:
            log.exception("instance %s", item.name)
            state, seen = None, Seen("Failed", None, 0, str(error))
        if self.mine.get(item.id) != seen:
            self._report(item, seen, state.key if state else None)
            self.mine[item.id] = seen

    def _spec(self, item: Wanted) -> InstanceSpec | None:
        """None while its image is made ready."""
        found = self.images.of(item)
        if found is None:
            return None
        if found.image is not None:
            return container_spec(item, found.image, self.node)
        return instance_spec(item, self._python(item), self.node)

    def _report_starting(self, item: Wanted) -> None:
        self._ship_log(item, instance_folder(item, self.node) / "log.txt")
        seen = Seen("Starting", None, 0, None)
        if self.mine.get(item.id) != seen:
            self._report(item, seen, None)
            self.mine[item.id] = seen

    def _python(self, item: Wanted) -> Path:
        if item.id in self.failed_builds:
            raise RuntimeError(self.failed_builds[item.id])
        spec = EnvironmentSpec.from_dict(item.environment)
        try:
            return environments.build(spec, self.node.settings, lambda line: log.info("%s", line))
        except Exception as error:
            # A build that failed is not tried again each second: a new generation has a new id.
            self.failed_builds[item.id] = str(error)
            raise

    def _report(self, item: Wanted, seen: Seen, key: str | None) -> None:
        with transaction() as session:
            found = session.get(DeploymentInstance, item.id)
            if found is None or found.worker_id != self.node.id or found.state == "Stopping":
                return
            found.state, found.address, found.restarts, found.error = (
                seen.state,
                seen.address,
                seen.restarts,
                seen.error,
            )
            found.key = crypto.encrypt(key) if key else None
            if seen.state == "Ready":
                found.ready_at = now()
            self._settle(session, found)

    def _settle(self, session: Session, found: DeploymentInstance) -> None:
        session.flush()
        service.settle(session, session.get_one(OnlineDeployment, found.deployment_id))
        hint(session, service.CHANNEL, "endpoints")

    def _ship_log(self, item: Wanted, path: Path) -> None:
        if not path.is_file():
            return
        offset = self.log_offsets.get(item.id, 0)
        size = path.stat().st_size
        offset = 0 if size < offset else offset
        if size > offset:
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read(logs.MOST)
            store().append(logs.key(item.workspace_id, item.deployment_id, item.number), data)
            self.log_offsets[item.id] = offset + len(data)

    def recycle(self) -> None:
        """Have another take over from each instance whose memory nears its limit; it serves until then."""
        limit = memory_limit(self.node.settings, self.node.slots)
        serving = {found.name: found.pid for found in self.supervisor.instances() if found.state == "Ready"}
        held = {item.id: Held(pid, limit) for item in self.wanted if (pid := serving.get(item.name))}
        for instance_id, reason in self.recycler.worn(held).items():
            with transaction() as session:
                found = session.get(DeploymentInstance, instance_id)
                if found is not None and found.worker_id == self.node.id:
                    scaling.replace(session, found, reason)

    def measure(self) -> None:
        """What the instances use goes beside what they answer; over several instances of a deployment it is a mean."""
        pids = {found.name: found.pid for found in self.supervisor.instances() if found.pid}
        used = self.usage.look(pids.values())
        at = milliseconds(now()) // 1000 - metrics.SHORTEST // 2
        measured = [
            metrics.Measured(item.endpoint_id, item.deployment, at, of_gauges(used[pids[item.name]]))
            for item in self.wanted
            if pids.get(item.name) in used
        ]
        if measured:
            with transaction() as session:
                metrics.add(session, measured)

    def close(self) -> None:
        self.compiler.close()
        self.images.close()
        self.supervisor.close()
        with transaction() as session:
            for found in session.scalars(
                select(DeploymentInstance).where(DeploymentInstance.worker_id == self.node.id)
            ):
                found.worker_id, found.state, found.address, found.lease_expires_at = None, "Pending", None, None
            hint(session, service.CHANNEL, "endpoints")
