"""Turns a row that should serve into what the supervisor starts."""

import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session

from app.connections import references
from app.database import reading
from app.endpoints import compilation, containers, generations
from app.endpoints.tables import DeploymentInstance, OnlineDeployment
from app.kit.storage import store
from workers.containers.images import Image
from workers.containers.server import Server
from workers.execution.gpus import find_gpus
from workers.execution.start import memory_limit
from workers.node import Node
from workers.serving.supervisor import InstanceSpec

APP_ROOT = "/var/azureml-app"


@dataclass(frozen=True)
class Wanted:
    """An instance that should run here, read from the tables once."""

    id: int
    number: int
    deployment_id: int
    workspace_id: int
    endpoint_id: int
    endpoint: str
    deployment: str
    model_key: str | None
    model_name: str
    kind: str
    code_key: str | None
    scoring_script: str | None
    environment: dict | None
    environment_variables: dict
    request_settings: dict
    liveness_probe: dict
    readiness_probe: dict
    model_asset: list[str] | None = None
    model_mount_path: str | None = None
    compile_from: str | None = None

    @property
    def name(self) -> str:
        return f"instance-{self.id}"

    @classmethod
    def of(cls, session: Session, instance: DeploymentInstance) -> "Wanted":
        deployment = session.get_one(OnlineDeployment, instance.deployment_id)
        is_current = instance.generation == deployment.generation
        # One instance of each deployment sees to it.
        compiles = is_current and instance.number == 0 and compilation.is_due(deployment)
        return cls(
            id=instance.id,
            number=instance.number,
            deployment_id=deployment.id,
            workspace_id=deployment.endpoint.workspace_id,
            endpoint_id=deployment.endpoint_id,
            endpoint=deployment.endpoint.name,
            deployment=deployment.name,
            compile_from=compilation.source(deployment) if compiles else None,
            **instance.definition or generations.definition(session, deployment),
        )


def instance_folder(item: Wanted, node: Node) -> Path:
    folder = node.folder / "serving" / item.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def instance_spec(item: Wanted, python: Path, node: Node) -> InstanceSpec:
    """Fetches model and code where they do not lie on this machine yet."""
    folder = instance_folder(item, node)
    settings = item.request_settings
    model = _local(item.model_key, folder / "model") if item.model_key else None
    return InstanceSpec(
        name=item.name,
        python=python,
        folder=folder,
        model_folder=model,
        model_root=_model_root(model, item.model_name, folder / "models") if model else None,
        kind=item.kind,
        code_folder=_copy(item.code_key, folder / "code") if item.code_key else None,
        scoring_script=item.scoring_script,
        environ=_variables(item),
        request_timeout_ms=settings.get("request_timeout_ms", 5000),
        max_concurrent=settings.get("max_concurrent_requests_per_instance", 1),
        max_queue_wait_ms=settings.get("max_queue_wait_ms"),
        liveness_probe=item.liveness_probe,
        readiness_probe=item.readiness_probe,
        memory_bytes=memory_limit(node.settings, node.slots),
        hidden=[Path(node.settings.home).resolve()],
    )


def container_spec(item: Wanted, image: Image, node: Node) -> InstanceSpec:
    """Where Azure ML puts model and code: below /var/azureml-app, or the model below `model_mount_path`.

    Source: Microsoft's article on deploying to online endpoints by a custom container.
    """
    folder = instance_folder(item, node)
    mounts, environ = [], {"AML_APP_ROOT": APP_ROOT}
    if item.model_key:
        model, asset = _local(item.model_key, folder / "model"), "/".join(item.model_asset or ())
        root = item.model_mount_path or f"{APP_ROOT}/azureml-models/{asset}"
        is_file = not item.model_name or (model / item.model_name).is_file()
        mounts.append((model, root if is_file else f"{root.rstrip('/')}/{item.model_name}"))
        environ["AZUREML_MODEL_DIR"] = root
    if item.code_key:
        mounts.append((_copy(item.code_key, folder / "code"), f"{APP_ROOT}/code"))
        environ["AZUREML_ENTRY_SCRIPT"] = f"code/{item.scoring_script}"
    return InstanceSpec(
        name=item.name,
        python=Path(sys.executable),
        folder=folder,
        model_folder=None,
        kind=item.kind,
        liveness_probe=item.liveness_probe,
        readiness_probe=item.readiness_probe,
        memory_bytes=memory_limit(node.settings, node.slots),
        server=Server(
            image, containers.routes(item.environment), tuple(mounts), {**environ, **_variables(item)}, _gpus()
        ),
    )


@cache
def _gpus() -> tuple[int, ...]:
    """All of this machine, which our own scoring servers see as well."""
    return tuple(gpu["index"] for gpu in find_gpus())


def _variables(item: Wanted) -> dict[str, str]:
    with reading() as session:
        return references.fill(session, item.workspace_id, item.environment_variables)


def _model_root(model: Path, name: str, root: Path) -> Path:
    """Azure ML keeps the name of a model's folder below AZUREML_MODEL_DIR.

    Here a folder of links to its files stands for it: walks through folders do not follow links to others.
    """
    if not name or (model / name).is_file():
        return model
    if not (root / name).is_dir():
        making = root / f".{name}"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(model, making, copy_function=lambda file, link: Path(link).symlink_to(file))
        making.rename(root / name)
    return root


def _local(key: str, target: Path) -> Path:
    """Read in place on a local store: the process may not write there."""
    return store().local_path(key) or _copy(key, target)


def _copy(key: str, target: Path) -> Path:
    if not target.exists():
        store().download(key, target)
    return target
