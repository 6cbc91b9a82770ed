"""What an instance serves, written down with it: an older generation stays as it was until a newer one serves."""

from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.orm import Session

from app.endpoints.tables import DeploymentInstance, OnlineDeployment
from app.models.tables import ModelVersion

AS_THEY_ARE = (
    "scoring_script",
    "environment",
    "environment_variables",
    "request_settings",
    "liveness_probe",
    "readiness_probe",
)


def instance(session: Session, deployment: OnlineDeployment, number: int) -> DeploymentInstance:
    """One of the deployment's present generation."""
    return DeploymentInstance(
        deployment_id=deployment.id,
        number=number,
        generation=deployment.generation,
        definition=definition(session, deployment),
    )


def definition(session: Session, deployment: OnlineDeployment) -> dict[str, Any]:
    """`model_key` and `code_key` are keys of the artifact store; `model_name` is that of its folder or file.

    `model_asset` is name and version under which it is registered.
    """
    # By its id: the relation may still be that of the generation before.
    version = session.get(ModelVersion, deployment.model_version_id) if deployment.model_version_id else None
    return {
        "model_key": version.path if version else None,
        "model_name": PurePosixPath(version.source).name if version else "",
        "kind": version.type if version else "custom_model",
        "model_asset": [version.model.name, str(version.version)] if version else None,
        "model_mount_path": (deployment.spec or {}).get("model_mount_path"),
        "code_key": deployment.code,
        **{name: getattr(deployment, name) for name in AS_THEY_ARE},
    }
