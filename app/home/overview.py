"""What the home of a workspace shows, read from the domains below."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.compute import permissions as compute_permissions
from app.compute import queries as compute
from app.compute.tables import Worker
from app.endpoints import permissions as endpoint_permissions
from app.endpoints import queries as endpoints
from app.endpoints.tables import OnlineEndpoint
from app.jobs import permissions as job_permissions
from app.jobs import queries as jobs
from app.jobs.lifecycle import BEFORE_START, FINAL, Status
from app.jobs.tables import Job
from app.models import permissions as model_permissions
from app.models import queries as models
from app.models.tables import ModelVersion

SHOWN = 10
SHOWN_BESIDE = 5


@dataclass
class Overview:
    """What the caller may see; the rest is empty.

    `counts` says how many jobs are in which state; `models` holds the newest version of each.
    """

    counts: dict[str, int] = field(default_factory=dict)
    recent: Sequence[Job] = ()
    failed: Sequence[Job] = ()
    workers: Sequence[Worker] = ()
    endpoints: Sequence[OnlineEndpoint] = ()
    endpoint_count: int = 0
    models: Sequence[ModelVersion] = ()
    model_count: int = 0

    @property
    def job_count(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting_count(self) -> int:
        return sum(self.counts.get(status, 0) for status in BEFORE_START)

    @property
    def active_count(self) -> int:
        """Jobs that a worker holds, those that are being cancelled included."""
        return sum(count for status, count in self.counts.items() if Status(status) not in FINAL | BEFORE_START)

    @property
    def slots(self) -> int:
        return sum(worker.slots for worker in self.workers)

    @property
    def busy_slots(self) -> int:
        return sum(worker.usage.get("jobs", 0) for worker in self.workers)


def of(session: Session, caller: Caller) -> Overview:
    workspace_id = caller.workspace.id
    seen = Overview()
    if caller.can(job_permissions.READ.name):
        seen.counts = jobs.counts(session, workspace_id)
        seen.recent = jobs.recent(session, workspace_id, SHOWN)
        seen.failed = jobs.recent(session, workspace_id, SHOWN_BESIDE, failed=True)
    if caller.can(compute_permissions.READ.name):
        seen.workers = compute.working(session)
    if caller.can(endpoint_permissions.READ.name):
        found = endpoints.page(session, workspace_id, sort="-updated", size=SHOWN_BESIDE)
        seen.endpoints, seen.endpoint_count = found.rows, found.total
    if caller.can(model_permissions.READ.name):
        found = models.page(session, workspace_id, size=SHOWN_BESIDE)
        seen.models, seen.model_count = [newest for _, newest in found.rows if newest], found.total
    return seen
