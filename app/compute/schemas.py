"""Workers, computes, queues and their use as they look over REST."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.compute.tables import Compute, Worker
from app.compute.usage import Limit


class WorkerRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    host: str
    slots: int
    processors: int
    memory_bytes: int
    gpus: list
    engine: str | None
    usage: dict
    started_at: datetime
    heartbeat_at: datetime


class ComputeCreate(BaseModel):
    """A compute file as text."""

    yaml: str


class ComputeChange(BaseModel):
    description: str | None = None
    min_instances: int | None = Field(None, ge=0)
    max_instances: int | None = None
    queue: str | None = None
    tags: dict[str, str] | None = None


class ComputeRead(BaseModel):
    """`in_use` are the instances that run now. `properties` is what its file says of machines in the cloud."""

    name: str
    type: str
    description: str
    min_instances: int
    max_instances: int | None
    in_use: int
    state: str
    queue: str | None
    tags: dict[str, str]
    properties: dict[str, Any]
    created_by: str
    created_at: datetime
    warnings: list[str]

    @classmethod
    def of(cls, compute: Compute, in_use: int = 0, warnings: tuple[str, ...] = ()) -> "ComputeRead":
        own = {name: getattr(compute, name) for name in cls.model_fields if hasattr(compute, name)}
        return cls(**own, in_use=in_use, properties=compute.spec, warnings=list(warnings))


class NodeRead(BaseModel):
    """A worker, as one of the nodes of a compute; `run_id` is the first of the `jobs` of the compute there."""

    node_id: str
    node_state: str
    private_ip_address: str
    run_id: str | None
    jobs: list[str]

    @classmethod
    def of(cls, worker: Worker, jobs: list[str]) -> "NodeRead":
        return cls(
            node_id=worker.name,
            node_state="running" if jobs else "idle",
            private_ip_address=worker.host,
            run_id=jobs[0] if jobs else None,
            jobs=jobs,
        )


class UsageRead(BaseModel):
    """`limit` is -1 where there is none."""

    name: str
    type: str
    current_value: int
    limit: int
    unit: str = "Count"

    @classmethod
    def of(cls, row: Limit) -> "UsageRead":
        return cls(name=row.name, type=row.type, current_value=row.used, limit=-1 if row.most is None else row.most)


class QueueChange(BaseModel):
    weight: int | None = None
    max_slots: int | None = None
    description: str | None = None


class QueueRead(BaseModel):
    name: str
    weight: int
    max_slots: int | None
    description: str
    slots_in_use: int
    waiting: int
