"""A client of Atelier's REST API, for Python and for the command line."""

import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from app.sdk import files
from app.sdk.batch_endpoints import BatchEndpoints
from app.sdk.components import Components
from app.sdk.compute import Computes
from app.sdk.data_assets import DataAssets
from app.sdk.definitions import Definitions
from app.sdk.environments import Environments
from app.sdk.experiments import Experiments
from app.sdk.jobs import Jobs
from app.sdk.online_endpoints import OnlineEndpoints
from app.sdk.packing import pack
from app.sdk.registries import Registries
from app.sdk.schedules import Schedules
from app.sdk.transport import Transport
from app.sdk.uploading import PIECE, Progress, send
from app.sdk.versions import Versions
from app.sdk.workspaces import Workspaces

IN_MEMORY = 16 << 20
CHUNK = 1 << 20


class Client(Jobs, Experiments, OnlineEndpoints):
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

    def page(self, path: str, workspace: str | None = None) -> str:
        """The address at which a browser shows a page of a workspace, by default this one, such as `/jobs/NAME`."""
        workspace = workspace or self.workspace
        return f"{self.url}{'' if workspace == 'default' else f'/w/{workspace}'}{path}"

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


def _own(definition: dict[str, Any], *fields: str) -> dict[str, Any]:
    """What the server reads of a YAML file; versions are text there, also when they look like numbers."""
    found = {name: definition[name] for name in fields if definition.get(name) is not None}
    if "version" in found:
        found["version"] = str(found["version"])
    return found
