"""From a managedOnlineDeployment to what the tables hold: references are looked up, code is found."""

from sqlalchemy.orm import Session

from app.assets import addresses
from app.assets.addresses import AssetVersion, Stored
from app.connections import references
from app.endpoints import service
from app.endpoints.schemas import DeploymentCreate
from app.endpoints.tables import OnlineDeployment, OnlineEndpoint
from app.environments import resolving
from app.errors import Invalid, NotFound
from app.kit.storage import safe_key, store
from app.models import queries as models
from app.models.tables import ModelVersion
from app.registries import queries as registries


def deploy(session: Session, endpoint: OnlineEndpoint, new: DeploymentCreate, *, created_by: str) -> OnlineDeployment:
    version = model_version(session, endpoint.workspace_id, new.model) if new.model else None
    code = new.code_configuration
    references.check(
        session, endpoint.workspace_id, new.environment_variables, "environment_variables",
        may=lambda: references.may_read(session, endpoint.workspace_id, created_by),
    )  # fmt: skip
    return service.deploy(
        session,
        endpoint,
        new.name,
        created_by=created_by,
        all_traffic=new.all_traffic,
        description=new.description,
        model_version_id=version.id if version else None,
        code=code_key(endpoint.workspace_id, code.code) if code else None,
        scoring_script=code.scoring_script if code else None,
        environment=resolving.resolve(session, endpoint.workspace_id, new.environment),
        environment_variables=new.environment_variables,
        instance_type=new.instance_type,
        instance_count=new.instance_count,
        request_settings=new.request_settings.model_dump(),
        liveness_probe=new.liveness_probe.model_dump(),
        readiness_probe=new.readiness_probe.model_dump(),
        tags=new.tags,
        properties=new.properties,
        scale_settings=new.scale_settings.model_dump() if new.scale_settings else None,
        data_collector=new.data_collector,
        spec=new.model_dump(mode="json"),
    )


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
