"""Calls about schedules."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files
from app.sdk.transport import Transport


class Schedules:
    """Schedules of a workspace; `upload` takes a file or folder and answers its address."""

    def __init__(self, transport: Transport, upload: Callable[..., str]) -> None:
        self._transport = transport
        self._upload = upload

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Make a schedule of a file, or change the one of that name; the job file that it names is sent along."""
        file = Path(file)
        text, definition = files.read_changed(file, changes or [])
        uploads = self._job(definition.get("create_job"), file.parent)
        return self._transport.json("POST", "/api/schedules", json={"yaml": text, "uploads": uploads})

    def change(self, name: str, changes: list[str]) -> dict:
        """Change fields of a schedule, such as `tags.team=a`; the job file that it was made with is kept."""
        text = self._transport.send("GET", f"{_address(name)}/yaml").text
        definition = files.change(files.parse(text, name), changes)
        return self._transport.json("POST", "/api/schedules", json={"yaml": files.dump(definition)})

    def _job(self, said: Any, folder: Path) -> dict[str, str]:
        """The text of the job file, and under `FILE#PATH` what it names in its turn, relative to itself."""
        named = said.get("job") if isinstance(said, dict) else said
        if not isinstance(named, str):
            return files.job_uploads(said, folder, self._upload) if isinstance(said, dict) else {}
        if not files.is_local(named):
            return {}
        path = files.local_path(named, folder)
        text = files.read_text(path)
        inner = files.job_uploads(files.parse(text, path.name), path.parent, self._upload)
        return {named: text, **{f"{named}#{written}": address for written, address in inner.items()}}

    def list(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """By name; narrow with `text` and `enabled`."""
        return self._transport.pages("/api/schedules", limit, **narrowed)

    def get(self, name: str) -> dict:
        return self._transport.json("GET", _address(name))

    def runs(self, name: str, limit: int | None = None) -> Iterator[dict]:
        """Each time that it was due or triggered, newest first."""
        return self._transport.pages(f"{_address(name)}/runs", limit)

    def enable(self, name: str) -> dict:
        return self._transport.json("POST", f"{_address(name)}/enable")

    def disable(self, name: str) -> dict:
        return self._transport.json("POST", f"{_address(name)}/disable")

    def trigger(self, name: str) -> dict:
        """Submit its job now; answers the job."""
        return self._transport.json("POST", f"{_address(name)}/trigger")

    def delete(self, name: str) -> None:
        self._transport.send("DELETE", _address(name))


def _address(name: str) -> str:
    return f"/api/schedules/{quote(name)}"
