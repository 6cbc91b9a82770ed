"""Reads of batch endpoints, their deployments and jobs."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint, BatchInvocation
from app.errors import NotFound
from app.jobs.tables import Job
from app.kit.paging import Page, ordering, paginate

SORTS = {"name": BatchEndpoint.name, "created": BatchEndpoint.created_at, "updated": BatchEndpoint.updated_at}


def find(session: Session, workspace_id: int, name: str) -> BatchEndpoint | None:
    return session.scalar(
        select(BatchEndpoint).where(BatchEndpoint.workspace_id == workspace_id, BatchEndpoint.name == name)
    )


def get(session: Session, workspace_id: int, name: str) -> BatchEndpoint:
    endpoint = find(session, workspace_id, name)
    if endpoint is None:
        raise NotFound(f"There is no batch endpoint {name!r}.", target="name")
    return endpoint


def page(
    session: Session, workspace_id: int, *, text: str = "", sort: str = "name", number: int = 1, size: int = 50
) -> Page:
    found = select(BatchEndpoint).where(BatchEndpoint.workspace_id == workspace_id)
    if text:
        found = found.where(BatchEndpoint.name.icontains(text, autoescape=True))
    found = found.order_by(ordering(sort, SORTS), BatchEndpoint.id)
    return paginate(session, found.options(selectinload(BatchEndpoint.deployments)), number, size)


def deployment_of(endpoint: BatchEndpoint, name: str) -> BatchDeployment:
    found = next((item for item in endpoint.deployments if item.name == name), None)
    if found is None:
        known = ", ".join(item.name for item in endpoint.deployments) or "none"
        raise NotFound(f"Endpoint {endpoint.name!r} has no deployment {name!r}; it has {known}.", target="deployment")
    return found


def jobs(session: Session, endpoint: BatchEndpoint, deployment: str = "", *, number: int = 1, size: int = 50) -> Page:
    """The jobs of an endpoint, or of one of its deployments, newest first."""
    found = select(Job).join(BatchInvocation, BatchInvocation.job_id == Job.id)
    found = found.where(BatchInvocation.endpoint_id == endpoint.id)
    if deployment:
        found = found.where(BatchInvocation.deployment == deployment)
    return paginate(session, found.order_by(BatchInvocation.id.desc()), number, size)


def last_jobs(session: Session, endpoints: Sequence[BatchEndpoint]) -> dict[int, Job]:
    """The newest job of each endpoint, by its id."""
    newest = select(func.max(BatchInvocation.id)).where(
        BatchInvocation.endpoint_id.in_([endpoint.id for endpoint in endpoints])
    )
    newest = newest.group_by(BatchInvocation.endpoint_id)
    found = select(BatchInvocation.endpoint_id, Job).join(Job, Job.id == BatchInvocation.job_id)
    return dict(session.execute(found.where(BatchInvocation.id.in_(newest))).tuples().all())


def deployment_names(session: Session, jobs: Sequence[Job]) -> dict[int, str]:
    """Through which deployment each job ran, by the id of the job."""
    found = select(BatchInvocation.job_id, BatchInvocation.deployment)
    return dict(session.execute(found.where(BatchInvocation.job_id.in_([job.id for job in jobs]))).tuples().all())
