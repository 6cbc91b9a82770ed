"""What a deployment of `--local` consists of: its fields, and the places of its files on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.assets import addresses
from app.endpoints import names
from app.endpoints.schemas import DeploymentCreate
from app.environments import curated, references
from app.errors import Invalid
from app.sdk import files


def read(definition: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Every field, with absolute paths for those of this machine; and what is to be warned of.

    Raises Invalid that names the field.
    """
    given = dict(definition)
    model, code = given.pop("model", None), given.get("code_configuration")
    try:
        new = DeploymentCreate.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{field}: {first['msg']}.", target=field) from error
    if not given.get("endpoint_name"):
        raise Invalid("endpoint_name: it is missing; name a local endpoint.", target="endpoint_name")
    spec = new.model_dump(mode="json") | {"endpoint_name": given["endpoint_name"], "model": _model(model, folder)}
    names.check_deployment(new.name)
    if code:
        spec["code_configuration"]["code"] = str(_present(code["code"], folder, "code_configuration.code"))
    elif model is None:
        raise Invalid("model: a deployment without a scoring script needs one.", target="model")
    environment = spec["environment"]
    if isinstance(environment, dict) and environment.get("build"):
        raise Invalid("environment.build: no image is built for --local; list packages in conda_file.", target="build")
    spec["environment"] = files.with_environment_inline(environment, folder, files.present)
    return spec, new.warnings()


def _present(written: str, folder: Path, field: str) -> Path:
    if not files.is_local(written):
        raise Invalid(f"{field}: {written!r} is not on this machine, as --local needs it.", target=field)
    path = files.local_path(written, folder).resolve()
    if not path.exists():
        raise Invalid(f"{field}: there is no {path}.", target=field)
    return path


def _model(model: Any, folder: Path) -> str | dict[str, Any] | None:
    """A registered model is left as its reference."""
    if isinstance(model, str) and files.is_local(model):
        model = {"path": model}
    if not isinstance(model, dict):
        return model
    if not model.get("path"):
        raise Invalid("model.path: it is missing.", target="model.path")
    return {"path": str(_present(model["path"], folder, "model.path")), "type": model.get("type", "custom_model")}


def fetched(spec: dict[str, Any], own: Path, connect: Callable[[], Any]) -> dict[str, Any]:
    """With what is registered on a server brought here, into the deployment's own folder."""
    if isinstance(spec["model"], str):
        spec["model"] = _download(spec["model"], own / "model", connect)
    environment = spec["environment"]
    if isinstance(environment, str):
        named = references.parse(environment)
        if named.name not in curated.environments() and curated.stand_in(named.name) is None:
            with connect() as client:
                found = client.environments.get(named.name, named.version, label=named.label)
            spec["environment"] = {name: found[name] for name in ("name", "image", "conda_file") if found.get(name)}
    return spec


def _download(reference: str, folder: Path, connect: Callable[[], Any]) -> dict[str, Any]:
    address = addresses.parse(reference, "model")
    if not isinstance(address, addresses.AssetVersion):
        raise Invalid(f"model: {reference!r} must name a registered model, as azureml:NAME:VERSION.", target="model")
    with connect() as client:
        kind = client.registered_models
        version = address.version or kind.get(address.name, label=address.label or "latest")["version"]
        found = kind.get(address.name, version)
        client.download_model(address.name, version, folder)
    return {"path": str(_inside(folder)), "type": found["type"], "name": f"{address.name}:{version}"}


def _inside(folder: Path) -> Path:
    """An archive holds the model's one file or folder."""
    found = list(folder.iterdir())
    return found[0] if len(found) == 1 else folder
