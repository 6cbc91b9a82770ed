"""Jobs as they look over REST: the field names of CLI v2 YAML, and what the server knows beside."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.access.caller import Caller
from app.jobs import containers, interactive
from app.jobs.lifecycle import Priority, Status
from app.jobs.tables import Job, JobService
from app.jobs.waiting import Waiting


class JobSubmit(BaseModel):
    """A job file as text, and where its local paths were uploaded to: `{"./src": "azureml://…"}`.

    What is wrong in it is told with `file`, its name.
    """

    yaml: str
    uploads: dict[str, str] = Field(default_factory=dict)
    file: str = Field("job.yml", max_length=255)


class JobChange(BaseModel):
    display_name: str | None = Field(None, max_length=255)
    description: str | None = None
    tags: dict[str, str] | None = None
    archived: bool | None = None
    priority: Literal["high", "medium", "low"] | None = None
    queue: str | None = None


class WaitingHelp(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    text: str
    address: str | None
    command: str | None


class WaitingRead(BaseModel):
    """Why a queued job waits; `place` is 1 for the next of its queue."""

    model_config = ConfigDict(from_attributes=True)

    reason: str
    place: int
    starts_in_seconds: float | None
    runs_seconds: float | None
    helps: list[WaitingHelp]


class JobChecked(BaseModel):
    type: str
    warnings: list[str]


class JobError(BaseModel):
    message: str
    detail: str | None = None


class JobRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    display_name: str
    type: str
    status: Status
    experiment_name: str
    description: str
    tags: dict[str, str]
    properties: dict
    command: str | None
    component: str | None = Field(description="The registered component that it runs, as azureml:NAME:VERSION.")
    environment: str | None
    runs_in: str | None
    environment_variables: dict[str, str]
    inputs: dict
    outputs: dict
    compute: str | None
    queue: str
    priority: str
    waiting: WaitingRead | None = Field(description="Why it waits, where it is queued and read by itself or in a list.")
    limits: dict | None
    objective: dict | None = Field(description="What a sweep looks for: `goal` and `primary_metric`.")
    search_space: dict | None = Field(description="The parameters of a sweep, each with its distribution.")
    warnings: list[str]
    error: JobError | None
    exit_code: int | None
    attempt: int
    created_by: str
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    archived: bool

    @classmethod
    def of(cls, job: Job, waiting: Waiting | None = None) -> "JobRead":
        spec = job.spec or {}
        sweep = spec.get("sweep") or {}
        hidden = {"key", "local", "digest"}
        own = {name: getattr(job, name) for name in cls.model_fields if hasattr(job, name) and name not in _DERIVED}
        return cls(
            **own,
            experiment_name=job.experiment.name,
            command=job.written_command,
            tags=job.tag_map,
            component=spec["component"] if isinstance(spec.get("component"), str) else None,
            environment=(job.environment or {}).get("name"),
            runs_in=containers.place_of(job),
            environment_variables=spec.get("environment_variables", {}),
            # A sweep has its parameters among its inputs, with an example of each.
            inputs={
                name: {k: v for k, v in port.items() if k not in hidden}
                for name, port in job.inputs.items()
                if name not in sweep.get("search_space", ())
            },
            outputs=job.outputs,
            compute=spec.get("compute"),
            priority=Priority(job.priority).label,
            waiting=WaitingRead.model_validate(waiting) if waiting else None,
            limits={"timeout": job.timeout_seconds} if job.timeout_seconds else None,
            objective=sweep.get("objective"),
            search_space=sweep.get("search_space"),
        )


_DERIVED = {
    "command",
    "tags",
    "environment",
    "inputs",
    "outputs",
    "environment_variables",
    "compute",
    "limits",
    "priority",
}


class ServiceRead(BaseModel):
    """`endpoint` is the address that a browser opens, `error` one sentence that says why a service is not there.

    `properties` has, for whoever may open it, the `ProxyEndpoint` of a service that is tunnelled to by websocket.
    """

    name: str
    type: str
    status: str
    port: int
    endpoint: str
    error: str | None
    properties: dict[str, str]

    @classmethod
    def of(cls, caller: Caller, job: Job, service: JobService, base: str) -> "ServiceRead":
        return cls(
            name=service.name,
            type=service.type,
            status=interactive.status_of(job, service),
            port=service.port,
            endpoint=f"{base.rstrip('/')}/jobs/{job.name}/services/{service.name}/",
            error=service.error,
            properties=interactive.properties(base, caller, job, service),
        )
