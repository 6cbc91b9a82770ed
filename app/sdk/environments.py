"""Calls about environments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.sdk import files
from app.sdk.transport import Transport
from app.sdk.versions import Versions


class Environments(Versions):
    """Environments of a workspace; `upload` takes a folder and answers its address."""

    path = "/api/environments"

    def __init__(self, transport: Transport, upload: Callable[..., str]) -> None:
        super().__init__(transport)
        self._upload = upload

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Register an environment file as a new version, with the conda file or build context that it names."""
        file = Path(file)
        text, definition = files.read_changed(file, changes or [])
        return self._send(text, definition, file.parent)

    def define(self, definition: dict[str, Any], folder: Path | str = ".") -> dict:
        """Register an environment from its fields; local paths are relative to `folder`."""
        return self._send(files.dump(definition), definition, Path(folder))

    def build(self, name: str, version: str) -> dict:
        """How far a version is built, and its packages."""
        return self._transport.json("GET", f"{self._address(name, version)}/build")

    def _send(self, text: str, definition: dict[str, Any], folder: Path) -> dict:
        uploads = files.environment_uploads(definition, folder, self._upload)
        return self._transport.json("POST", self.path, json={"yaml": text, "uploads": uploads})
