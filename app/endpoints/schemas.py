"""Endpoints and deployments as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint


class EndpointCreate(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    auth_mode: str = "key"
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, str] = Field(default_factory=dict)


class EndpointChange(BaseModel):
    traffic: dict[str, int] | None = None
    description: str | None = None
    tags: dict[str, str] | None = None


class EndpointRead(BaseModel):
    name: str
    auth_mode: str
    description: str
    tags: dict
    properties: dict
    traffic: dict[str, int]
    provisioning_state: str = "Succeeded"
    scoring_uri: str
    openapi_uri: str
    deployments: list[str]
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, endpoint: OnlineEndpoint, address: str) -> "EndpointRead":
        """`address` is the workspace's address, such as http://host/w/default."""
        base = f"{address}/endpoints/{endpoint.name}"
        names = ("name", "auth_mode", "description", "tags", "properties", "traffic", "created_by", "created_at")
        return cls(
            **{name: getattr(endpoint, name) for name in names},
            scoring_uri=f"{base}/score",
            openapi_uri=f"{base}/swagger.json",
            deployments=[deployment.name for deployment in endpoint.deployments],
        )


class RequestSettings(BaseModel):
    request_timeout_ms: int = Field(5000, ge=1, le=180_000)
    max_concurrent_requests_per_instance: int = Field(1, ge=1, le=1000)
    max_queue_wait_ms: int = Field(500, ge=0, le=180_000)


class Probe(BaseModel):
    initial_delay: float = Field(10, ge=0)
    period: float = Field(10, gt=0)
    timeout: float = Field(2, gt=0)
    success_threshold: int = Field(1, ge=1)
    failure_threshold: int = Field(30, ge=1)


class CodeConfiguration(BaseModel):
    code: str
    scoring_script: str


class DeploymentCreate(BaseModel):
    """A managedOnlineDeployment. `model` and `environment` are references, `code` an uploaded address."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    name: str
    model: str | None = None
    code_configuration: CodeConfiguration | None = None
    environment: str | dict | None = None
    environment_variables: dict[str, str] = Field(default_factory=dict)
    description: str = ""
    instance_type: str | None = None
    instance_count: int = 1
    request_settings: RequestSettings = Field(default_factory=RequestSettings)
    liveness_probe: Probe = Field(default_factory=Probe)
    readiness_probe: Probe = Field(default_factory=Probe)
    tags: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, str] = Field(default_factory=dict)
    all_traffic: bool = Field(False, description="Send all traffic to it, as `--all-traffic` does.")


class InstanceRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    generation: int
    state: str
    restarts: int
    error: str | None
    ready_at: datetime | None


class DeploymentRead(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    name: str
    endpoint_name: str
    model: str | None
    description: str
    environment_variables: dict
    instance_type: str | None
    instance_count: int
    request_settings: dict
    liveness_probe: dict
    readiness_probe: dict
    tags: dict
    compilation: dict | None
    provisioning_state: str
    error: str | None
    instances: list[InstanceRead]
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, deployment: OnlineDeployment, instances: list[DeploymentInstance]) -> "DeploymentRead":
        version = deployment.model_version
        own = set(cls.model_fields) - {"endpoint_name", "model", "instances"}
        return cls(
            **{name: getattr(deployment, name) for name in own},
            endpoint_name=deployment.endpoint.name,
            model=f"azureml:{version.model.name}:{version.version}" if version else None,
            instances=[InstanceRead.model_validate(instance) for instance in instances],
        )


class KeyRegenerate(BaseModel):
    key_type: str = "primary"
