"""Deployments whose image brings a server of its own, as `inference_config` of the environment says."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.environments import engines
from app.errors import Invalid
from app.models.tables import ModelVersion


def routes(environment: dict[str, Any] | None) -> dict[str, Any] | None:
    """`liveness_route`, `readiness_route` and `scoring_route`, each with `port` and `path`; None for our own server."""
    return ((environment or {}).get("container") or {}).get("inference")


def is_replaceable(kind: str | None, scoring_script: str | None) -> bool:
    """Whether our own server can serve it where there is no engine: what images of Azure's inference server serve."""
    return scoring_script.endswith(".py") if scoring_script else kind == "mlflow_model"


def needs_engine(definition: dict[str, Any] | None) -> bool:
    """Whether an instance can only be served by a worker that has a container engine."""
    found = definition or {}
    if routes(found.get("environment")) is None:
        return False
    return not is_replaceable(found.get("kind"), found.get("scoring_script"))


def check(session: Session, environment: dict[str, Any], version: ModelVersion | None, script: str | None) -> None:
    """Raises Invalid for a custom container while no worker has a container engine."""
    if routes(environment) is None or engines.available(session, on_host=True):
        return
    if not is_replaceable(version.type if version else None, script):
        raise Invalid(
            f"{_NO_ENGINE}. Install Docker or Podman on a worker, or give a scoring script or an MLflow model, which "
            "are served without an image.",
            target="environment.inference_config",
        )


def notes(session: Session, environment: dict[str, Any] | None) -> Sequence[str]:
    """What is to be said of a custom container that our own server stands in for."""
    if routes(environment) is None or engines.available(session, on_host=True):
        return []
    return [f"{_NO_ENGINE}, so Atelier's own scoring server serves the deployment."]


_NO_ENGINE = (
    "environment.inference_config: the server is in the image, which takes a container engine, and no worker has one"
)
