"""Calls about components, and the component that a job file names."""

from collections.abc import Callable
from pathlib import Path

from app.sdk import files
from app.sdk.transport import Transport
from app.sdk.versions import Versions


class Components(Versions):
    """Components of a workspace; `upload` takes a file or folder and answers its address."""

    path = "/api/components"

    def __init__(self, transport: Transport, upload: Callable[..., str]) -> None:
        super().__init__(transport)
        self._upload = upload

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Register a component file as a new version; its local paths, relative to the file, are uploaded first."""
        file = Path(file)
        text, definition = files.read_changed(file, changes or [])
        uploads = files.component_uploads(definition, file.parent, self._upload)
        return self._transport.json("POST", self.path, json={"yaml": text, "uploads": uploads})
