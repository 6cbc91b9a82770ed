"""A client of Atelier's REST API, for Python and for the command line."""

import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from app.sdk import files, missing_files
from app.sdk.batch_endpoints import BatchEndpoints
from app.sdk.components import Components
from app.sdk.compute import Computes
from app.sdk.data_assets import DataAssets
from app.sdk.definitions import Definitions
from app.sdk.environments import Environments
from app.sdk.errors import ClientError
from app.sdk.following import Change, follow
from app.sdk.packing import pack
from app.sdk.registries import Registries
from app.sdk.schedules import Schedules
from app.sdk.transport import Transport, problem_of
from app.sdk.uploading import PIECE, Progress, send
from app.sdk.versions import Versions
from app.sdk.workspaces import Workspaces

IN_MEMORY = 16 << 20
CHUNK = 1 << 20


class Client:
    """A workspace of a server. Every call raises ClientError with the server's own words.

    Answers are the server's JSON, with the field names of CLI v2 YAML. `say` is told about uploads, and
    `progress` how far a long one is: what is counted, how many there are, and of how many.
    """

    def __init__(
        self,
        url: str,
        token: str,
        workspace: str = "default",
        *,
        say: Callable[[str], None] = lambda text: None,
        progress: Progress = lambda step, done, of: None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.workspace = workspace
        self._say = say
        self._progress = progress
        self._transport = Transport(url, token, workspace, transport=transport)
        self.components = Components(self._transport, self.upload)
        self.environments = Environments(self._transport, self.upload)
        self.connections = Definitions(self._transport, "connections")
        self.registries = Registries(self._transport)
        self.data_assets = DataAssets(self._transport)
        self.registered_models = Versions(self._transport, "/api/models")
        self.datastores = Definitions(self._transport, "datastores")
        self.schedules = Schedules(self._transport, self.upload)
        self.computes = Computes(self._transport)
        self.workspaces = Workspaces(self._transport)
        self.batch_endpoints = BatchEndpoints(self._transport, self.upload, self.components, self.create_model)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def transport(self) -> Transport:
        return self._transport

    def page(self, path: str) -> str:
        """The address at which a browser shows a page of this workspace, such as `/jobs/NAME`."""
        prefix = "" if self.workspace == "default" else f"/w/{self.workspace}"
        return f"{self.url}{prefix}{path}"

    def upload(self, path: Path | str, includes: Iterable[Path] = ()) -> str:
        """Upload a file or folder; answers its `azureml://datastores/…` address.

        `includes` are further files and folders that are packed into the folder.
        """
        path = Path(path)
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as archive:
            packed = pack(path, archive, includes)
            size = archive.tell()
            archive.seek(0)
            files_said = "1 file" if packed.files == 1 else f"{packed.files:,} files"
            self._say(f"Uploading {path} ({files_said}, {packed.size_bytes:,} bytes)")
            if size > PIECE:
                return send(self._transport, archive, size, f"bytes of {path.name}", self._progress)
            content = iter(lambda: archive.read(CHUNK), b"")
            headers = {"Content-Type": "application/gzip", "Content-Length": str(size)}
            return self._transport.json("POST", "/api/uploads", content=content, headers=headers, timeout=600)["uri"]

    def create_job(self, file: Path | str, changes: Iterable[str] = ()) -> dict:
        """Submit a job file; its local paths, relative to the file, are uploaded first.

        `changes` are like `inputs.epochs=5`. Raises ClientError with all that is wrong in the file, before anything
        is uploaded.
        """
        file = Path(file)
        text, definition = files.read_changed(file, changes)
        missing_files.check(file, text, definition, lambda uploads: self._validate(text, uploads, file.name))
        return self.submit(text, files.job_uploads(definition, file.parent, self.upload), file.name)

    def validate_job(self, file: Path | str, changes: Iterable[str] = ()) -> dict:
        """What submitting a job file would say, its `type` and `warnings`, with nothing uploaded or submitted.

        Raises ClientError with all that is wrong in the file.
        """
        file = Path(file)
        text, definition = files.read_changed(file, changes)
        return missing_files.check(file, text, definition, lambda uploads: self._validate(text, uploads, file.name))

    def _validate(self, yaml: str, uploads: dict[str, str], file: str) -> dict:
        body = {"yaml": yaml, "uploads": uploads, "file": file}
        return self._transport.json("POST", "/api/jobs/validate", json=body)

    def submit(self, yaml: str, uploads: dict[str, str] | None = None, file: str = "job.yml") -> dict:
        """Submit the text of a job file, whose local paths are keys of `uploads`; problems say where in `file`."""
        body = {"yaml": yaml, "uploads": uploads or {}, "file": file}
        return self._transport.json("POST", "/api/jobs", json=body)

    def job(self, name: str) -> dict:
        return self._transport.json("GET", f"/api/jobs/{quote(name)}")

    def job_yaml(self, name: str) -> str:
        """The file of a job."""
        return self._transport.send("GET", f"/api/jobs/{quote(name)}/yaml").text

    def jobs(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """Newest first; narrow with `status`, `experiment`, `text`, `tag`, `created_by`, `parent`."""
        return self._transport.pages("/api/jobs", limit, **narrowed)

    def change_job(self, name: str, **changes: Any) -> dict:
        """Change `display_name`, `description`, `tags`, or, while it waits, `priority` and `queue`."""
        return self._transport.json("PATCH", f"/api/jobs/{quote(name)}", json=changes)

    def job_services(self, name: str) -> list[dict]:
        """The interactive services of a job, with the address at which a browser opens each."""
        return self._transport.json("GET", f"/api/jobs/{quote(name)}/services")

    def cancel_job(self, name: str) -> dict:
        return self._transport.json("POST", f"/api/jobs/{quote(name)}/cancel")

    def retry_job(self, name: str) -> dict:
        """Go on from the steps of a pipeline that failed or were canceled."""
        return self._transport.json("POST", f"/api/jobs/{quote(name)}/retry")

    def act_on_jobs(
        self, action: str, names: Iterable[str] = (), *, query: str | None = None, **arguments: Any
    ) -> dict:
        """Do one of move, copy, tag, untag, rename, archive, unarchive, delete, restore, cancel and remove to jobs.

        They are named, or all that a `query` of the run table's address selects. `arguments` are `experiment` to
        move and copy, `key` and `value` to tag, `name` to rename, and `children`, whether jobs below go along.
        Answers `names`, and `operation` where a worker goes on with it.
        """
        body = {"names": list(names), "query": query, **arguments}
        return self._transport.json("POST", f"/api/bulk/{quote(action)}", json=body)

    def compare_groups(self, group: str, metric: str, **narrowed: Any) -> dict:
        """Whether groups of jobs are better than the base: `group` is `~seed`, `params.NAME` and the like.

        Narrow with `filter`, `experiment` and what else the run table's address takes.
        """
        return self._transport.json(
            "GET", "/api/jobs/compare/groups", params={"group": group, "metric": metric, **narrowed}
        )

    def experiments(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """Those changed last first; narrow with `folder`, `text` and `deleted`."""
        return self._transport.pages("/api/experiments", limit, **narrowed)

    def experiment(self, name: str, *, deleted: bool = False) -> dict:
        """By its name. Raises ClientError where there is none."""
        for found in self.experiments(text=name, deleted=deleted):
            if found["name"] == name:
                return found
        state = "deleted" if deleted else "active"
        raise ClientError(f"name: there is no {state} experiment {name!r} in this workspace.", target="name")

    def create_experiment(self, name: str, **fields: Any) -> dict:
        """`fields` are `folder`, `description` and `tags`."""
        return self._transport.json("POST", "/api/experiments", json={"name": name, **fields})

    def delete_experiment(self, name: str) -> dict:
        """Out of sight with its jobs, until it is restored."""
        found = self.experiment(name)
        return self._transport.json("POST", f"/api/experiments/{quote(found['id'])}/delete")

    def restore_experiment(self, name: str) -> dict:
        found = self.experiment(name, deleted=True)
        return self._transport.json("POST", f"/api/experiments/{quote(found['id'])}/restore")

    def views(self, limit: int | None = None) -> Iterator[dict]:
        """Saved views of the run table: one's own and those that others share."""
        return self._transport.pages("/api/views", limit)

    def create_view(self, name: str, query: str, **fields: Any) -> dict:
        """`query` is that of the run table's address; `fields` are `shared` and `default_for`."""
        return self._transport.json("POST", "/api/views", json={"name": name, "query": query, **fields})

    def follow_job(self, name: str) -> Iterator[Change]:
        return follow(self._transport, quote(name))

    def download_job(self, name: str, folder: Path | str) -> list[Path]:
        """Fetch artifacts and logs of a job into `folder`."""
        folder, base = Path(folder), f"/api/jobs/{quote(name)}"
        written = []
        for path in self._artifacts(base, {}):
            target = _inside(folder / "artifacts", path)
            written.append(self._fetch(f"{base}/artifacts/content", {"path": path}, target))
        for path in self._transport.json("GET", f"{base}/logs/files"):
            target = _inside(folder / "logs", path)
            written.append(self._fetch(f"{base}/logs", {"file": path, "download": "true"}, target))
        return written

    def download_output(self, name: str, output: str, folder: Path | str) -> list[Path]:
        """Fetch what a job wrote to one of its outputs into `folder`."""
        base, root = f"/api/jobs/{quote(name)}", {"root": f"output:{output}"}
        return [
            self._fetch(f"{base}/artifacts/content", {"path": path, **root}, _inside(Path(folder), path))
            for path in self._artifacts(base, root)
        ]

    def _artifacts(self, base: str, root: dict[str, str], path: str = "") -> Iterator[str]:
        for item in self._transport.json("GET", f"{base}/artifacts", params={"path": path, **root})["value"]:
            if item.get("is_dir"):
                yield from self._artifacts(base, root, item["path"])
            else:
                yield item["path"]

    def _fetch(self, path: str, params: dict[str, str], target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._transport.stream(path, params=params) as answer, target.open("wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
        return target

    def create_data(self, definition: dict[str, Any], folder: Path | str = ".") -> dict:
        """Register a data asset from the fields of its YAML; a local `path` is relative to `folder`."""
        path = files.path_of(definition)
        definition = _own(definition, "name", "version", "type", "path", "description", "tags", "properties")
        if files.is_local(path):
            local = files.local_path(path, Path(folder))
            definition.setdefault("type", "uri_file" if local.is_file() else "uri_folder")
            definition["path"] = self.upload(local)
        return self._transport.json("POST", "/api/data", json=definition)

    def data(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        return self._transport.pages("/api/data", limit, **narrowed)

    def data_asset(self, name: str, version: str | None = None) -> dict:
        """A version, by default the newest."""
        return self._transport.json(
            "GET", f"/api/data/{quote(name)}" + (f"/versions/{quote(version)}" if version else "")
        )

    def create_model(self, definition: dict[str, Any], folder: Path | str = ".") -> dict:
        """Register a model from the fields of its YAML; a local `path` is relative to `folder`."""
        source = files.path_of(definition)
        definition = _own(definition, "name", "version", "type", "path", "description", "tags", "properties")
        definition.setdefault("type", "custom_model")
        del definition["path"]
        if files.is_local(source):
            source = self.upload(files.local_path(source, Path(folder)))
        return self._transport.json("POST", "/api/models", json={**definition, "source": source})

    def models(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        return self._transport.pages("/api/models", limit, **narrowed)

    def model(self, name: str, version: str | None = None) -> dict:
        path = f"/api/models/{quote(name)}"
        return self._transport.json("GET", f"{path}/versions/{quote(version)}" if version else path)

    def download_model(self, name: str, version: str, folder: Path | str) -> Path:
        """Unpack the files of a version into `folder`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = f"/api/models/{quote(name)}/versions/{quote(version)}/download"
        with tempfile.TemporaryFile() as archive:
            with self._transport.stream(path) as answer:
                for chunk in answer.iter_bytes():
                    archive.write(chunk)
            archive.seek(0)
            with tarfile.open(fileobj=archive, mode="r:*") as tar:
                tar.extractall(folder, filter="data")
        return folder

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


# What is read of a deployment and not part of its definition.
_SHOWN_ONLY = {
    "provisioning_state", "error", "instances", "created_by", "created_at", "warnings", "compilation", "scaling",
}  # fmt: skip


def _own(definition: dict[str, Any], *fields: str) -> dict[str, Any]:
    """What the server reads of a YAML file; versions are text there, also when they look like numbers."""
    found = {name: definition[name] for name in fields if definition.get(name) is not None}
    if "version" in found:
        found["version"] = str(found["version"])
    return found


def _inside(folder: Path, path: str) -> Path:
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ClientError(f"The server names a file outside of the folder: {path!r}.")
    return target
