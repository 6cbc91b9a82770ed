"""Endpoints and deployments as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.endpoints.fields import Fields, Texts
from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


# Azure ML takes its words in any case.
Mode = Annotated[str, BeforeValidator(_lower)]
Access = Annotated[Literal["enabled", "disabled"], BeforeValidator(_lower)]
SET_BY_SERVER = ("id", "kind", "provisioning_state", "creation_context", "scoring_uri", "openapi_uri")


class EndpointFile(Fields):
    what: ClassVar[str] = "an online endpoint"
    of_azure: ClassVar[tuple[str, ...]] = (
        *SET_BY_SERVER,
        "location",
        "identity",
        "public_network_access",
        "compute",
        "type",
    )

    traffic: dict[str, int] | None = None
    mirror_traffic: dict[str, int] | None = None


class EndpointCreate(EndpointFile):
    name: str
    auth_mode: Mode = "key"
    description: str = ""
    tags: Texts = Field(default_factory=dict)
    properties: Texts = Field(default_factory=dict)


class EndpointChange(EndpointFile):
    """What is left out stays; a file's `name` and `auth_mode` must be those that the endpoint has."""

    name: str | None = None
    auth_mode: Mode | None = None
    description: str | None = None
    tags: Texts | None = None
    properties: Texts | None = None


class EndpointRead(BaseModel):
    name: str
    auth_mode: str
    description: str
    tags: dict
    properties: dict
    traffic: dict[str, int]
    mirror_traffic: dict[str, int]
    traffic_before: dict[str, int]
    rollback_rule: dict | None
    requests_per_minute: int | None
    provisioning_state: str = "Succeeded"
    scoring_uri: str
    openapi_uri: str
    deployments: list[str]
    created_by: str
    created_at: datetime
    warnings: list[str] = []

    @classmethod
    def of(cls, endpoint: OnlineEndpoint, address: str, warnings: list[str] = []) -> "EndpointRead":
        """`address` is the workspace's address, such as http://host/w/default."""
        base = f"{address}/endpoints/{endpoint.name}"
        names = set(cls.model_fields) - {"provisioning_state", "scoring_uri", "openapi_uri", "deployments", "warnings"}
        return cls(
            **{name: getattr(endpoint, name) for name in names},
            scoring_uri=f"{base}/score",
            openapi_uri=f"{base}/swagger.json",
            deployments=[deployment.name for deployment in endpoint.deployments],
            warnings=warnings,
        )


class RollbackRule(BaseModel):
    """When a deployment on trial loses its traffic: counted over its last `requests` answers."""

    model_config = ConfigDict(extra="forbid")

    requests: int = Field(100, ge=1, le=10_000)
    max_error_rate: float | None = Field(None, ge=0, lt=100, description="In percent of the answers; 5xx.")
    max_latency_ms: float | None = Field(None, gt=0, description="Within which 95 % of the answers come.")
    max_disagreement_rate: float | None = Field(
        None, ge=0, lt=100, description="In percent of the mirrored requests that both answered."
    )
    emails: list[str] = Field(default_factory=list, max_length=10)
    webhook_url: str | None = None


class EndpointRules(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rollback_rule: RollbackRule | None = None
    requests_per_minute: int | None = Field(None, ge=1, le=1_000_000, description="Of each key, at each gateway.")


class ScaleSettings(Fields):
    """`type` is default, for a fixed number, or target_utilization; `polling_interval` is in seconds."""

    what: ClassVar[str] = "`scale_settings`"

    type: Annotated[Literal["default", "target_utilization"], BeforeValidator(_lower)] = "default"
    min_instances: int = Field(1, ge=0)
    max_instances: int = Field(1, ge=1)
    polling_interval: int = Field(1, ge=1)
    target_utilization_percentage: int = Field(70, ge=1, le=100)

    @model_validator(mode="after")
    def _bounds(self) -> "ScaleSettings":
        if self.min_instances > self.max_instances:
            raise ValueError(f"min_instances {self.min_instances} is above max_instances {self.max_instances}")
        return self


class RequestSettings(Fields):
    what: ClassVar[str] = "`request_settings`"

    request_timeout_ms: int = Field(5000, ge=1, le=180_000)
    max_concurrent_requests_per_instance: int = Field(1, ge=1, le=1000)
    # Where it is not said a request may wait for its turn until its time is over.
    max_queue_wait_ms: int | None = Field(None, ge=0, le=180_000)


class Probe(Fields):
    what: ClassVar[str] = "a probe"
    of_azure: ClassVar[tuple[str, ...]] = ("scheme", "method", "path", "port")

    initial_delay: float = Field(10, ge=0)
    period: float = Field(10, gt=0)
    timeout: float = Field(2, gt=0)
    success_threshold: int = Field(1, ge=1)
    failure_threshold: int = Field(30, ge=1)


class CodeConfiguration(Fields):
    what: ClassVar[str] = "`code_configuration`"

    code: str
    scoring_script: str


class Collection(Fields):
    """`data` is the data asset to collect into, or its reference."""

    what: ClassVar[str] = "a collection"
    of_azure: ClassVar[tuple[str, ...]] = ("client_id",)

    enabled: bool
    data: dict | str | None = None


class RequestLogging(Fields):
    what: ClassVar[str] = "`request_logging`"

    capture_headers: list[str] = Field(default_factory=list)


class DataCollector(Fields):
    """`sampling_rate` is a share from 0 to 1."""

    what: ClassVar[str] = "`data_collector`"

    collections: dict[str, Collection] = Field(default_factory=dict)
    rolling_rate: Literal["minute", "hour", "day"] = "hour"
    sampling_rate: float = Field(1.0, ge=0, le=1)
    request_logging: RequestLogging | None = None


class DeploymentCreate(Fields):
    """A managedOnlineDeployment. `model` and `environment` are references, `code` an uploaded address."""

    what: ClassVar[str] = "an online deployment"
    of_azure: ClassVar[tuple[str, ...]] = (*SET_BY_SERVER, "endpoint_name", "private_network_connection")

    name: str
    type: Annotated[Literal["managed", "kubernetes"], BeforeValidator(_lower)] = "managed"
    model: str | None = None
    code_configuration: CodeConfiguration | None = None
    environment: str | dict | None = None
    environment_variables: Texts = Field(default_factory=dict)
    description: str = ""
    instance_type: str | None = None
    instance_count: int = 1
    request_settings: RequestSettings = Field(default_factory=RequestSettings)
    liveness_probe: Probe = Field(default_factory=Probe)
    readiness_probe: Probe = Field(default_factory=Probe)
    tags: Texts = Field(default_factory=dict)
    properties: Texts = Field(default_factory=dict)
    scale_settings: ScaleSettings | None = None
    data_collector: DataCollector | None = None
    app_insights_enabled: bool = False
    egress_public_network_access: Access = "enabled"
    model_mount_path: str | None = None
    resources: dict | None = None
    all_traffic: bool = Field(False, description="Send all traffic to it, as `--all-traffic` does.")


class DeploymentScale(BaseModel):
    """Either a number of instances, which then is fixed, or settings; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    instance_count: int | None = None
    scale_settings: ScaleSettings | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> "DeploymentScale":
        follows = self.scale_settings is not None and self.scale_settings.type == "target_utilization"
        if follows and self.instance_count is not None:
            raise ValueError("instance_count is fixed, target_utilization follows the load: say one of the two")
        return self


class InstanceRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    generation: int
    state: str
    restarts: int
    error: str | None
    ready_at: datetime | None


AS_SENT = (
    "type", "code_configuration", "environment", "app_insights_enabled", "egress_public_network_access",
    "model_mount_path", "resources",
)  # fmt: skip


class DeploymentRead(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    name: str
    endpoint_name: str
    model: str | None
    type: str | None
    code_configuration: dict | None
    environment: str | dict | None
    app_insights_enabled: bool | None
    egress_public_network_access: str | None
    model_mount_path: str | None
    resources: dict | None
    description: str
    environment_variables: dict
    instance_type: str | None
    instance_count: int
    request_settings: dict
    liveness_probe: dict
    readiness_probe: dict
    tags: dict
    properties: dict
    scale_settings: dict | None
    scaling: dict | None
    data_collector: dict | None
    compilation: dict | None
    provisioning_state: str
    error: str | None
    instances: list[InstanceRead]
    created_by: str
    created_at: datetime
    warnings: list[str] = []

    @classmethod
    def of(
        cls, deployment: OnlineDeployment, instances: list[DeploymentInstance], warnings: list[str] = []
    ) -> "DeploymentRead":
        version, spec = deployment.model_version, deployment.spec or {}
        own = set(cls.model_fields) - {"endpoint_name", "model", "instances", "warnings", *AS_SENT}
        return cls(
            **{name: getattr(deployment, name) for name in own},
            **{name: spec.get(name) for name in AS_SENT},
            endpoint_name=deployment.endpoint.name,
            model=f"azureml:{version.model.name}:{version.version}" if version else None,
            instances=[InstanceRead.model_validate(instance) for instance in instances],
            warnings=warnings,
        )


class KeyRegenerate(BaseModel):
    key_type: str = "primary"
