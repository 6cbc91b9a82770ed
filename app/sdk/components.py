"""Calls about components, and the component that a job file names."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files
from app.sdk.transport import Transport


class Components:
    """Components of a workspace; `upload` takes a file or folder and answers its address."""

    def __init__(self, transport: Transport, upload: Callable[..., str]) -> None:
        self._transport = transport
        self._upload = upload

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Register a component file as a new version; its local paths, relative to the file, are uploaded first."""
        file = Path(file)
        text, definition = files.read_changed(file, changes or [])
        uploads = files.component_uploads(definition, file.parent, self._upload)
        return self._transport.json("POST", "/api/components", json={"yaml": text, "uploads": uploads})

    def list(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """The newest version of each; narrow with `text` and `archived`."""
        return self._transport.pages("/api/components", limit, **narrowed)

    def versions(self, name: str, limit: int | None = None) -> Iterator[dict]:
        """Newest first."""
        return self._transport.pages(f"/api/components/{quote(name)}/versions", limit)

    def get(self, name: str, version: str | None = None) -> dict:
        """A version, by default the newest."""
        return self._transport.json("GET", _address(name, version))

    def archive(self, name: str, version: str | None = None) -> dict:
        """Take a version, or the component with all of its versions, out of the lists."""
        return self._transport.json("POST", f"{_address(name, version)}/archive")

    def restore(self, name: str, version: str | None = None) -> dict:
        return self._transport.json("POST", f"{_address(name, version)}/restore")


def _address(name: str, version: str | None) -> str:
    return f"/api/components/{quote(name)}" + (f"/versions/{quote(version)}" if version else "")
