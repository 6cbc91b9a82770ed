"""Batch endpoints, deployments and invocations over REST: the field names of CLI v2 YAML."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint
from app.endpoints.fields import Texts
from app.endpoints.schemas import CodeConfiguration
from app.jobs.specification.ports import FILE_TYPES, LITERAL_TYPES, MODEL_TYPES

FILE_NAME = r"^[\w.-]*\w$"


class BatchEndpointCreate(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    description: str = ""
    tags: Texts = Field(default_factory=dict)
    properties: Texts = Field(default_factory=dict)


class Defaults(BaseModel):
    deployment_name: str | None = None


class BatchEndpointChange(BaseModel):
    description: str | None = None
    tags: Texts | None = None
    defaults: Defaults | None = None


class BatchEndpointRead(BaseModel):
    name: str
    description: str
    tags: dict
    properties: dict
    defaults: Defaults
    auth_mode: str = "aad_token"
    provisioning_state: str = "Succeeded"
    scoring_uri: str
    deployments: list[str]
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, endpoint: BatchEndpoint, address: str) -> "BatchEndpointRead":
        """`address` is the workspace's address, such as http://host/w/default."""
        own = ("name", "description", "tags", "properties", "created_by", "created_at")
        return cls(
            **{name: getattr(endpoint, name) for name in own},
            defaults=Defaults(deployment_name=endpoint.default_deployment),
            scoring_uri=f"{address}/api/batch-endpoints/{endpoint.name}/jobs",
            deployments=[deployment.name for deployment in endpoint.deployments],
        )


class RetrySettings(BaseModel):
    """`timeout` is in seconds, of one mini-batch."""

    max_retries: int = Field(3, ge=0)
    timeout: int = Field(30, ge=1)


class BatchSettings(BaseModel):
    """`mini_batch_size` is a number of files; an `error_threshold` of -1 lets every file fail.

    The last four are those of a deployment of type pipeline, the others of one of type model.
    """

    model_config = ConfigDict(extra="forbid")

    mini_batch_size: int = Field(10, ge=1)
    max_concurrency_per_instance: int = Field(1, ge=1)
    error_threshold: int = Field(-1, ge=-1)
    output_action: Literal["append_row", "summary_only"] = "append_row"
    output_file_name: str = Field("predictions.csv", pattern=FILE_NAME)
    retry_settings: RetrySettings = Field(default_factory=RetrySettings)
    logging_level: Literal["debug", "info", "warning"] = "info"
    environment_variables: Texts = Field(default_factory=dict)
    default_compute: str | None = None
    default_datastore: str | None = None
    continue_on_step_failure: bool = False
    force_rerun: bool = False

    @field_validator("logging_level", mode="before")
    @classmethod
    def _lowercase(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class BatchResources(BaseModel):
    model_config = ConfigDict(extra="ignore")

    instance_count: int = Field(1, ge=1)


class BatchDeploymentCreate(BaseModel):
    """A batchDeployment. `model`, `component` and `environment` are references, `code` an uploaded address.

    The older form of the file, whose settings stand beside the name, is taken as well. `job_definition` is the name
    of a pipeline job that each invocation runs again.
    """

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    name: str
    type: Literal["model", "pipeline"] = "model"
    model: str | None = None
    component: str | None = None
    job_definition: str | None = None
    code_configuration: CodeConfiguration | None = None
    environment: str | dict | None = None
    compute: str | None = None
    description: str = ""
    tags: Texts = Field(default_factory=dict)
    properties: Texts = Field(default_factory=dict)
    resources: BatchResources = Field(default_factory=BatchResources)
    settings: BatchSettings = Field(default_factory=BatchSettings)
    set_default: bool = Field(False, description="Make it the endpoint's default, as `--set-default` does.")

    @model_validator(mode="before")
    @classmethod
    def _lifted(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("settings") or {}, dict):
            return value
        flat = {name: value[name] for name in BatchSettings.model_fields if value.get(name) is not None}
        settings = {**flat, **{name: item for name, item in (value.get("settings") or {}).items() if item is not None}}
        count = settings.pop("instance_count", None)
        found = {name: item for name, item in value.items() if item is not None} | {"settings": settings}
        if count is not None:
            found["resources"] = {**(value.get("resources") or {}), "instance_count": count}
        if "type" not in found and ("component" in found or "job_definition" in found):
            found["type"] = "pipeline"
        return found

    @model_validator(mode="after")
    def _whole(self) -> "BatchDeploymentCreate":
        if self.type == "model" and self.model is None:
            raise ValueError("model: it is missing; name a registered model, as azureml:NAME:VERSION.")
        if self.type == "pipeline" and (self.component is None) == (self.job_definition is None):
            raise ValueError("component: name either a pipeline component, or a pipeline job by job_definition.")
        return self


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
        spec = {name: value for name, value in deployment.spec.items() if name != "source" and value is not None}
        return cls(**{**spec, **own, "endpoint_name": deployment.endpoint.name})


class BatchInput(BaseModel):
    """Data at a `path`, or a literal `value`, which files of CLI v2 call `default`."""

    model_config = ConfigDict(extra="forbid")

    type: Literal[*FILE_TYPES, *MODEL_TYPES, *LITERAL_TYPES] = "uri_folder"
    path: str | None = None
    value: bool | int | float | str | None = Field(None, validation_alias=AliasChoices("value", "default"))
    mode: str | None = None

    @model_validator(mode="after")
    def _either(self) -> "BatchInput":
        if (self.type in LITERAL_TYPES) != (self.path is None) or (self.path is None) != (self.value is not None):
            raise ValueError(f"an input of type {self.type} has a {'value' if self.type in LITERAL_TYPES else 'path'}.")
        return self


class BatchOutput(BaseModel):
    """`path` says where it goes, `name` and `version` as which data asset it is registered."""

    model_config = ConfigDict(extra="forbid")

    type: Literal[*FILE_TYPES, *MODEL_TYPES] = "uri_folder"
    path: str | None = None
    mode: str | None = None
    name: str | None = None
    version: str | None = None


class Invocation(BaseModel):
    """What to score, and where this once differs from the deployment's settings.

    `input` is the only one of a deployment of a model; `inputs` are by the names of a pipeline's.
    """

    model_config = ConfigDict(extra="forbid")

    input: BatchInput | None = None
    inputs: dict[str, BatchInput] = Field(default_factory=dict)
    outputs: dict[str, BatchOutput] = Field(default_factory=dict)
    deployment_name: str | None = None
    job_name: str | None = None
    experiment_name: str | None = None
    output_path: str | None = Field(None, description="Where the folder of predictions goes, as a job's output path.")
    instance_count: int | None = Field(None, ge=1)
    mini_batch_size: int | None = Field(None, ge=1)
    error_threshold: int | None = Field(None, ge=-1)
    retry_settings: RetrySettings | None = None
    output_file_name: str | None = Field(None, pattern=FILE_NAME)

    def changes(self) -> dict[str, Any]:
        """The settings that it names."""
        own = ("mini_batch_size", "error_threshold", "retry_settings", "output_file_name")
        return self.model_dump(include=set(own), exclude_none=True)
