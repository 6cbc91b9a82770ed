"""Batch endpoints, deployments and invocations over REST: the field names of CLI v2 YAML."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint
from app.endpoints.schemas import CodeConfiguration


class BatchEndpointCreate(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, str] = Field(default_factory=dict)


class Defaults(BaseModel):
    deployment_name: str | None = None


class BatchEndpointChange(BaseModel):
    description: str | None = None
    tags: dict[str, str] | None = None
    defaults: Defaults | None = None


class BatchEndpointRead(BaseModel):
    name: str
    description: str
    tags: dict
    properties: dict
    defaults: Defaults
    auth_mode: str = "aad_token"
    provisioning_state: str = "Succeeded"
    deployments: list[str]
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, endpoint: BatchEndpoint) -> "BatchEndpointRead":
        own = ("name", "description", "tags", "properties", "created_by", "created_at")
        return cls(
            **{name: getattr(endpoint, name) for name in own},
            defaults=Defaults(deployment_name=endpoint.default_deployment),
            deployments=[deployment.name for deployment in endpoint.deployments],
        )


class RetrySettings(BaseModel):
    """`timeout` is in seconds, of one mini-batch."""

    max_retries: int = Field(3, ge=0)
    timeout: int = Field(30, ge=1)


class BatchSettings(BaseModel):
    """`mini_batch_size` is a number of files; an `error_threshold` of -1 lets every file fail."""

    mini_batch_size: int = Field(10, ge=1)
    max_concurrency_per_instance: int = Field(1, ge=1)
    error_threshold: int = Field(-1, ge=-1)
    output_action: Literal["append_row", "summary_only"] = "append_row"
    output_file_name: str = Field("predictions.csv", pattern=r"^[\w.-]*\w$")
    retry_settings: RetrySettings = Field(default_factory=RetrySettings)
    logging_level: Literal["debug", "info", "warning"] = "info"
    environment_variables: dict[str, str] = Field(default_factory=dict)


class BatchResources(BaseModel):
    model_config = ConfigDict(extra="ignore")

    instance_count: int = Field(1, ge=1)


class BatchDeploymentCreate(BaseModel):
    """A batchDeployment of type model. `model` and `environment` are references, `code` an uploaded address."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    name: str
    type: Literal["model"] = "model"
    model: str
    code_configuration: CodeConfiguration | None = None
    environment: str | dict | None = None
    compute: str | None = None
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, str] = Field(default_factory=dict)
    resources: BatchResources = Field(default_factory=BatchResources)
    settings: BatchSettings = Field(default_factory=BatchSettings)
    set_default: bool = Field(False, description="Make it the endpoint's default, as `--set-default` does.")


class BatchDeploymentRead(BaseModel):
    name: str
    endpoint_name: str
    provisioning_state: str = "Succeeded"
    created_by: str
    created_at: datetime

    model_config = ConfigDict(extra="allow")

    @classmethod
    def of(cls, deployment: BatchDeployment) -> "BatchDeploymentRead":
        own = {name: getattr(deployment, name) for name in ("name", "created_by", "created_at")}
        return cls(**{**deployment.spec, **own, "endpoint_name": deployment.endpoint.name})


class BatchInput(BaseModel):
    type: Literal["uri_file", "uri_folder", "mltable"] = "uri_folder"
    path: str


class Invocation(BaseModel):
    """What to score, and where this once differs from the deployment's settings."""

    model_config = ConfigDict(extra="forbid")

    input: BatchInput
    deployment_name: str | None = None
    job_name: str | None = None
    experiment_name: str | None = None
    output_path: str | None = Field(None, description="Where the folder of predictions goes, as a job's output path.")
    mini_batch_size: int | None = Field(None, ge=1)
    instance_count: int | None = Field(None, ge=1)
    output_file_name: str | None = Field(None, pattern=r"^[\w.-]*\w$")

    def changes(self) -> dict[str, Any]:
        """The settings that it names."""
        named = {"mini_batch_size": self.mini_batch_size, "output_file_name": self.output_file_name}
        return {name: value for name, value in named.items() if value is not None}
