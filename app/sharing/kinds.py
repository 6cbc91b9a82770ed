"""The kinds of assets that registries hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.access.permissions import Action
from app.assets.versioned import Versioned
from app.components import permissions as component_permissions
from app.components.queries import COMPONENTS
from app.components.schemas import ComponentRead
from app.data import permissions as data_permissions
from app.data.queries import DATA
from app.data.schemas import DataRead
from app.environments import permissions as environment_permissions
from app.environments.queries import ENVIRONMENTS
from app.environments.schemas import EnvironmentRead
from app.errors import NotFound
from app.models import permissions as model_permissions
from app.models.queries import MODELS
from app.models.schemas import VersionRead


@dataclass(frozen=True)
class Kind:
    """`read` makes the answer about a version; who shares one may `see` it in the workspace."""

    versioned: Versioned
    noun: str
    see: Action
    read: Callable[[Session, Any], BaseModel]


KINDS = {
    "models": Kind(MODELS, "model", model_permissions.READ, lambda session, row: VersionRead.of(session, [row])[0]),
    "data": Kind(DATA, "data", data_permissions.READ, lambda session, row: DataRead.of(row)),
    "components": Kind(COMPONENTS, "component", component_permissions.READ, lambda session, row: ComponentRead.of(row)),
    "environments": Kind(
        ENVIRONMENTS, "environment", environment_permissions.READ, lambda session, row: EnvironmentRead.of(row)
    ),
}


def get(name: str) -> Kind:
    if name not in KINDS:
        raise NotFound(f"Registries hold {', '.join(KINDS)}; there is no kind {name!r}.", target="kind")
    return KINDS[name]


def address(registry: str, kind: str, name: str, version: str | int) -> str:
    return f"azureml://registries/{registry}/{kind}/{name}/versions/{version}"
