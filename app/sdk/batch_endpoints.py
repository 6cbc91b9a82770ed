"""Calls about batch endpoints: their deployments, and the jobs that they are invoked for."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files
from app.sdk.components import Components
from app.sdk.errors import ClientError
from app.sdk.transport import Transport

MakeModel = Callable[[dict[str, Any], Path], dict]


class BatchEndpoints:
    """Batch endpoints of a workspace; `upload` takes a file or folder and answers its address."""

    def __init__(
        self, transport: Transport, upload: Callable[..., str], components: Components, make_model: MakeModel
    ) -> None:
        self._transport, self._upload = transport, upload
        self._components, self._make_model = components, make_model

    def create(self, definition: dict[str, Any]) -> dict:
        """Make an endpoint from the fields of its YAML, or change the description, tags and default of that name."""
        name = str(definition.get("name") or "")
        found = next((item for item in self.list(text=name) if item["name"] == name), None)
        made = found or self._transport.json("POST", "/api/batch-endpoints", json=definition)
        changes = {key: definition[key] for key in ("description", "tags", "defaults") if definition.get(key)}
        return self.change(name, **changes) if changes and (found or "defaults" in changes) else made

    def list(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        return self._transport.pages("/api/batch-endpoints", limit, **narrowed)

    def get(self, name: str) -> dict:
        return self._transport.json("GET", _address(name))

    def change(self, name: str, **changes: Any) -> dict:
        """Change `description`, `tags` or `defaults`, whose `deployment_name` says who is asked."""
        return self._transport.json("PATCH", _address(name), json=changes)

    def delete(self, name: str) -> None:
        self._transport.send("DELETE", _address(name))

    def deploy(self, definition: dict[str, Any], folder: Path | str = ".", *, set_default: bool = False) -> dict:
        """Make a deployment from the fields of a batchDeployment, or change the one of that name.

        Local code, models and components, whose paths are relative to `folder`, are uploaded and registered first.
        """
        definition, folder = dict(definition), Path(folder)
        endpoint = definition.pop("endpoint_name", None)
        if not endpoint:
            text = "endpoint_name: it is missing; name the endpoint that the deployment belongs to."
            raise ClientError(text, target="endpoint_name")
        code = definition.get("code_configuration")
        if isinstance(code, dict) and files.is_local(code.get("code")):
            definition["code_configuration"] = code | {"code": self._upload(files.local_path(code["code"], folder))}
        if isinstance(definition.get("model"), dict):
            made = self._make_model({"name": f"{endpoint}-model", **definition["model"]}, folder)
            definition["model"] = f"azureml:{made['name']}:{made['version']}"
        if isinstance(definition.get("job_definition"), dict):
            definition |= _of_inline_job(definition.pop("job_definition"))
        if files.is_local(definition.get("component")):
            made = self._components.create(files.local_path(definition["component"], folder))
            definition["component"] = f"azureml:{made['name']}:{made['version']}"
        definition["environment"] = files.with_environment_inline(definition.get("environment"), folder, self._upload)
        path = f"{_address(str(endpoint))}/deployments"
        return self._transport.json("POST", path, json=definition | {"set_default": set_default})

    def deployments(self, endpoint: str) -> Sequence[dict]:
        return self._transport.json("GET", f"{_address(endpoint)}/deployments")

    def deployment(self, endpoint: str, name: str) -> dict:
        return self._transport.json("GET", f"{_address(endpoint)}/deployments/{quote(name)}")

    def delete_deployment(self, endpoint: str, name: str) -> None:
        self._transport.send("DELETE", f"{_address(endpoint)}/deployments/{quote(name)}")

    def invoke(self, endpoint: str, asked: dict[str, Any], folder: Path | str = ".") -> dict:
        """Submit a job that scores the `input` or the `inputs` of `asked`; what is local is uploaded first.

        Further fields are those of `POST /api/batch-endpoints/{endpoint}/jobs`, such as `deployment_name`.
        """
        inputs = {name: self._input(value, Path(folder)) for name, value in (asked.get("inputs") or {}).items()}
        sent = {key: value for key, value in asked.items() if key not in ("input", "inputs") and value is not None}
        if asked.get("input"):
            sent["input"] = self._input(asked["input"], Path(folder))
        return self._transport.json("POST", f"{_address(endpoint)}/jobs", json=sent | {"inputs": inputs})

    def _input(self, value: Any, folder: Path) -> dict[str, Any]:
        """An input as a file writes it, or a path alone; a literal may be told by its value alone."""
        if not isinstance(value, dict):
            is_path = isinstance(value, str) and (not files.is_local(value) or (folder / value).exists())
            value = {"path": value} if is_path else {"type": _literal_type(value), "value": value}
        found = dict(value)
        if files.is_local(found.get("path")):
            local = files.local_path(found["path"], folder)
            found.setdefault("type", "uri_file" if local.is_file() else "uri_folder")
            found["path"] = self._upload(local)
        return found

    def jobs(self, endpoint: str, limit: int | None = None, deployment: str | None = None) -> Iterator[dict]:
        """Newest first; of one deployment where it is named."""
        narrowed = {"deployment": deployment} if deployment else {}
        return self._transport.pages(f"{_address(endpoint)}/jobs", limit, **narrowed)


def _of_inline_job(job: dict[str, Any]) -> dict[str, Any]:
    """The form `job_definition: {type: pipeline, component: …, settings: …}`."""
    named = job.get("component") or job.get("job") or job.get("component_id")
    is_job = "component" not in job and "component_id" not in job
    return {"type": "pipeline", "job_definition" if is_job else "component": named, "settings": job.get("settings")}


def _literal_type(value: Any) -> str:
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "string")


def _address(name: str) -> str:
    return f"/api/batch-endpoints/{quote(name)}"
