"""Interactive services of running jobs, such as TensorBoard: where each is reached, and how it is.

Their addresses are signed, as pages that a job serves run in an origin of their own, which no cookie reaches. Worker
and web process find the same address and token by the server's key alone.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.jobs.lifecycle import Status
from app.jobs.permissions import WRITE
from app.jobs.tables import Job, JobService
from app.kit import crypto

STARTING, RUNNING, FAILED, STOPPED = "Starting", "Running", "Failed", "Stopped"
# Who opens one of these runs code of its own as the job.
RUN_CODE = ("jupyter_lab", "ssh")
SIGNATURE = 32


def path_of(job_id: int, name: str) -> str:
    """The address at which a service is shown, without a slash at its end; who knows it may look."""
    return f"/services/{job_id}/{name}/{_signature(job_id, name)}"


def is_signed(signature: str, job_id: int, name: str) -> bool:
    return crypto.is_same(signature, _signature(job_id, name))


def _signature(job_id: int, name: str) -> str:
    return crypto.sign("job service", job_id, name)[:SIGNATURE]


def properties(base: str, caller: Caller, job: Job, service: JobService) -> dict[str, str]:
    """Where clients tunnel to an SSH server by websocket, under Azure's name, for whoever may open it.

    `base` is any address of this server.
    """
    if service.type != "ssh" or not may_open(caller, job, service.type):
        return {}
    server = urlsplit(base)
    scheme = "wss" if server.scheme == "https" else "ws"
    return {"ProxyEndpoint": f"{scheme}://{server.netloc}{path_of(job.id, service.name)}"}


def may_open(caller: Caller, job: Job, kind: str) -> bool:
    return kind not in RUN_CODE or (caller.can(WRITE.name) and caller.user.name == job.created_by)


def token_of(job_id: int, name: str) -> str:
    """What a service asks of its callers, which only the server sends."""
    return crypto.sign("token of a job service", job_id, name)


def begin(session: Session, job_id: int, host: str, started: Mapping[str, tuple[str, int]]) -> None:
    """Write down the services that an attempt starts, as `{name: (type, port)}`, in place of an earlier one's."""
    session.execute(delete(JobService).where(JobService.job_id == job_id))
    session.add_all(
        JobService(job_id=job_id, name=name, type=kind, host=host, port=port, status=STARTING)
        for name, (kind, port) in started.items()
    )
    session.flush()


def tell(session: Session, job_id: int, name: str, status: str, error: str | None = None) -> None:
    own = (JobService.job_id == job_id, JobService.name == name)
    session.execute(update(JobService).where(*own).values(status=status, error=error))


def of_job(session: Session, job: Job) -> Sequence[JobService]:
    return session.scalars(select(JobService).where(JobService.job_id == job.id).order_by(JobService.name)).all()


def status_of(job: Job, service: JobService) -> str:
    """A service ends with its job, whatever was last heard of it."""
    return STOPPED if job.status is not Status.RUNNING and service.status != FAILED else service.status


def running_at(session: Session, job_id: int, name: str) -> JobService | None:
    """The service, while its job runs."""
    found = select(JobService).join(Job, Job.id == JobService.job_id)
    return session.scalar(found.where(Job.id == job_id, JobService.name == name, Job.status == Status.RUNNING))
