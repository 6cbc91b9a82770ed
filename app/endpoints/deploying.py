"""From a managedOnlineDeployment to what the tables hold: references are looked up, code is found."""

from sqlalchemy.orm import Session

from app.access.guard import note
from app.assets import addresses
from app.assets.addresses import AssetVersion, Stored
from app.connections import references
from app.endpoints import autoscaling, containers, scaling, service
from app.endpoints.schemas import DeploymentCreate
from app.endpoints.tables import OnlineDeployment, OnlineEndpoint
from app.environments import resolving
from app.errors import Invalid, NotFound
from app.kit.storage import safe_key, store
from app.models import queries as models
from app.models.tables import ModelVersion
from app.registries import queries as registries

# What can change while the instances go on as they are.
OUTWARD = frozenset({"description", "tags", "instance_count", "scale_settings", "all_traffic"})


def deploy(session: Session, endpoint: OnlineEndpoint, new: DeploymentCreate, *, created_by: str) -> OnlineDeployment:
    """Make a deployment, or change the one of that name; instances are replaced only where they would differ."""
    before = {"traffic": endpoint.traffic}
    settings = _settings(session, endpoint, new, created_by)
    present = next((item for item in endpoint.deployments if item.name == new.name), None)
    if present and _serves(present, new, settings):
        made = _change(session, present, new)
        if new.all_traffic:
            service.change(session, endpoint, traffic={made.name: 100})
    else:
        made = service.deploy(
            session, endpoint, new.name, created_by=created_by, all_traffic=new.all_traffic, **settings
        )
    if new.all_traffic:
        note(session, "online-endpoints", endpoint.name, before=before, after={"traffic": endpoint.traffic})
    return made


def _serves(present: OnlineDeployment, new: DeploymentCreate, settings: dict) -> bool:
    """Whether its instances are as they would be if they were made anew."""
    if present.provisioning_state in ("Failed", "Deleting") or present.spec is None:
        return False
    looked_up = ("model_version_id", "environment", "code")
    if any(getattr(present, name) != settings[name] for name in looked_up):
        return False
    before = DeploymentCreate.model_validate(present.spec)
    return before.model_dump(exclude=OUTWARD) == new.model_dump(exclude=OUTWARD)


def _change(session: Session, present: OnlineDeployment, new: DeploymentCreate) -> OnlineDeployment:
    service.describe(session, present, **new.model_dump(include={"description", "tags"}))
    if new.scale_settings and new.scale_settings.model_dump() != present.scale_settings:
        scaling.follow(session, present, new.scale_settings.model_dump())
    if present.instance_count != new.instance_count and not autoscaling.is_on(present):
        scaling.fix(session, present, new.instance_count)
    return present


def _settings(session: Session, endpoint: OnlineEndpoint, new: DeploymentCreate, created_by: str) -> dict:
    version = model_version(session, endpoint.workspace_id, new.model) if new.model else None
    code = new.code_configuration
    references.check(
        session, endpoint.workspace_id, new.environment_variables, "environment_variables",
        may=lambda: references.may_read(session, endpoint.workspace_id, created_by),
    )  # fmt: skip
    environment = resolving.resolve(session, endpoint.workspace_id, new.environment)
    containers.check(session, environment, version, code.scoring_script if code else None)
    parts = ("request_settings", "liveness_probe", "readiness_probe", "scale_settings", "data_collector")
    return {
        "description": new.description,
        "model_version_id": version.id if version else None,
        "code": code_key(endpoint.workspace_id, code.code) if code else None,
        "scoring_script": code.scoring_script if code else None,
        "environment": environment,
        "environment_variables": new.environment_variables,
        "instance_type": new.instance_type,
        "instance_count": new.instance_count,
        **{name: part.model_dump() if (part := getattr(new, name)) else None for name in parts},
        "tags": new.tags,
        "properties": new.properties,
        "spec": new.model_dump(mode="json"),
    }


def model_version(session: Session, workspace_id: int, reference: str) -> ModelVersion:
    address = addresses.parse(reference, "model")
    if not isinstance(address, AssetVersion):
        raise Invalid(f"model: {reference!r} must name a registered model, as azureml:NAME:VERSION.", target="model")
    home = registries.home_of(session, workspace_id, address)
    return models.get_version(session, home, address.name, address.version, address.label)


def code_key(workspace_id: int, reference: str) -> str:
    address = addresses.parse(reference, "code_configuration.code")
    if not isinstance(address, Stored):
        raise Invalid(
            "code_configuration.code: upload the folder first and give its address.", target="code_configuration"
        )
    key = f"workspaces/{workspace_id}/{safe_key(address.path)}"
    if not store().list(key):
        raise NotFound(f"code_configuration.code: there is nothing at {reference}.", target="code_configuration")
    return key
