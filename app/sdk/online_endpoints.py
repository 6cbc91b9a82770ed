"""Calls about online endpoints, their deployments and what they score."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from app.sdk import files
from app.sdk.errors import ClientError
from app.sdk.transport import Transport, problem_of
from app.sdk.versions import Versions

# What is read of a deployment and not part of its definition.
_SHOWN_ONLY = {
    "provisioning_state", "error", "instances", "created_by", "created_at", "warnings", "compilation", "scaling",
}  # fmt: skip


class OnlineEndpoints:
    """The calls of a client that are about online endpoints; models and uploads are the client's own."""

    _transport: Transport
    registered_models: Versions
    upload: Callable[..., str]
    create_model: Callable[..., dict]

    def create_endpoint(self, definition: dict[str, Any]) -> dict:
        return self._transport.json("POST", "/api/online-endpoints", json=definition)

    def endpoints(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        return self._transport.pages("/api/online-endpoints", limit, **narrowed)

    def endpoint(self, name: str) -> dict:
        return self._transport.json("GET", f"/api/online-endpoints/{quote(name)}")

    def change_endpoint(self, name: str, **changes: Any) -> dict:
        """Change `traffic`, `mirror_traffic`, `description` or `tags`."""
        return self._transport.json("PATCH", f"/api/online-endpoints/{quote(name)}", json=changes)

    def roll_back_endpoint(self, name: str) -> dict:
        """Back to the traffic before its last change."""
        return self._transport.json("POST", f"/api/online-endpoints/{quote(name)}/roll-back")

    def set_endpoint_rules(self, name: str, rules: dict[str, Any]) -> dict:
        """`rollback_rule` and `requests_per_minute`; what is left out is off."""
        return self._transport.json("PUT", f"/api/online-endpoints/{quote(name)}/rules", json=rules)

    def regenerate_key(self, name: str, key_type: str) -> dict[str, str]:
        """Replace the `primary` or `secondary` key; the other stays valid."""
        path = f"/api/online-endpoints/{quote(name)}/keys"
        return self._transport.json("POST", path, json={"key_type": key_type})

    def delete_endpoint(self, name: str) -> None:
        self._transport.send("DELETE", f"/api/online-endpoints/{quote(name)}")

    def credentials(self, name: str) -> dict[str, Any]:
        """`primaryKey` and `secondaryKey`; for an endpoint of another mode `accessToken` and when it expires."""
        path = f"/api/online-endpoints/{quote(name)}"
        if self.endpoint(name)["auth_mode"] == "key":
            return self._transport.json("GET", f"{path}/keys")
        return self._transport.json("POST", f"{path}/token")

    def endpoint_metrics(self, name: str, range: str = "1h") -> dict[str, dict[str, Any]]:
        """What was measured over 1h, 24h, 7d or 30d, by deployment; seconds and bytes."""
        path = f"/api/online-endpoints/{quote(name)}/metrics/summary"
        return self._transport.json("GET", path, params={"range": range})

    def endpoint_requests(self, name: str, most: int = 50, **narrowed: str) -> list[dict[str, Any]]:
        """The last requests, the newest first; `narrowed` has any of `deployment`, `status` and `request_id`."""
        path, found, before = f"/api/online-endpoints/{quote(name)}/requests", [], ""
        while len(found) < most:
            asked = {**narrowed, "before": before, "size": min(most - len(found), 1000)}
            answer = self._transport.json("GET", path, params=asked)
            found, before = found + answer["value"], answer["next"]
            if not before:
                break
        return found

    def invoke(self, name: str, body: bytes, deployment: str | None = None, timeout: float = 180) -> bytes:
        """Score a JSON body with the endpoint's own key or token; `deployment` passes the traffic rules by."""
        endpoint, credentials = self.endpoint(name), self.credentials(name)
        key = credentials.get("primaryKey") or credentials["accessToken"]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        if deployment:
            headers["azureml-model-deployment"] = deployment
        try:
            answer = httpx.post(endpoint["scoring_uri"], content=body, headers=headers, timeout=timeout)
        except httpx.HTTPError as error:
            raise ClientError(f"{endpoint['scoring_uri']} does not answer: {error}") from error
        if not answer.is_success:
            raise problem_of(answer)
        return answer.content

    def create_deployment(
        self, definition: dict[str, Any], folder: Path | str = ".", *, all_traffic: bool = False
    ) -> dict:
        """Deploy from the fields of a managedOnlineDeployment; local code and models are uploaded first."""
        definition, folder = dict(definition), Path(folder)
        endpoint = definition.pop("endpoint_name", None)
        if not endpoint:
            raise ClientError(
                "endpoint_name: it is missing; name the endpoint that the deployment belongs to.",
                target="endpoint_name",
            )
        code = definition.get("code_configuration")
        if isinstance(code, dict) and files.is_local(code.get("code")):
            definition["code_configuration"] = code | {"code": self.upload(files.local_path(code["code"], folder))}
        model = definition.get("model")
        if files.is_local(model) and files.local_path(model, folder).exists():
            model = {"path": model}
        if isinstance(model, dict):
            definition["model"] = self._inline_model(model, endpoint, folder)
        definition["environment"] = files.with_environment_inline(definition.get("environment"), folder, self.upload)
        body = {**definition, "all_traffic": all_traffic}
        return self._transport.json("POST", f"/api/online-endpoints/{quote(str(endpoint))}/deployments", json=body)

    def _inline_model(self, model: dict[str, Any], endpoint: str, folder: Path) -> str:
        """A version that the file names and that is there already is taken as it is, as Azure ML does."""
        if model.get("name") and model.get("version") is not None:
            with suppress(ClientError):
                found = self.registered_models.get(str(model["name"]), str(model["version"]))
                return f"azureml:{found['name']}:{found['version']}"
        made = self.create_model({"name": f"{endpoint}-model", **model}, folder)
        return f"azureml:{made['name']}:{made['version']}"

    def change_deployment(self, endpoint: str, name: str, changes: Iterable[str]) -> dict:
        """Change fields of a deployment, such as `instance_count=2`; what it was serves until the change does."""
        changes, found = list(changes), self.deployment(endpoint, name)
        definition = {field: value for field, value in found.items() if field not in _SHOWN_ONLY and value is not None}
        definition = files.change(definition, changes)
        if (changed := files.change({}, changes).keys()) <= {"instance_count", "scale_settings"}:
            return self.scale_deployment(endpoint, name, **{field: definition[field] for field in changed})
        return self.create_deployment(definition | {"endpoint_name": endpoint})

    def deployments(self, endpoint: str) -> list[dict]:
        return self._transport.json("GET", f"/api/online-endpoints/{quote(endpoint)}/deployments")

    def deployment(self, endpoint: str, name: str) -> dict:
        return self._transport.json("GET", f"/api/online-endpoints/{quote(endpoint)}/deployments/{quote(name)}")

    def scale_deployment(self, endpoint: str, name: str, **changes: Any) -> dict:
        """`instance_count`, which then is fixed, or `scale_settings`; those that serve go on."""
        path = f"/api/online-endpoints/{quote(endpoint)}/deployments/{quote(name)}"
        return self._transport.json("PATCH", path, json=changes)

    def delete_deployment(self, endpoint: str, name: str) -> None:
        self._transport.send("DELETE", f"/api/online-endpoints/{quote(endpoint)}/deployments/{quote(name)}")

    def deployment_logs(self, endpoint: str, name: str, *, instance: int = 0) -> str:
        """The end of what the scoring server printed."""
        path = f"/api/online-endpoints/{quote(endpoint)}/deployments/{quote(name)}/logs"
        return self._transport.send("GET", path, params={"instance": instance}).text
