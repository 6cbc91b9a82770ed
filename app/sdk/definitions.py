"""Calls about connections and datastores."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files
from app.sdk.transport import Transport

_SET_BY_SERVER = ("credentials", "warnings", "created_by", "created_at", "updated_at")


class Definitions:
    """`path` is the word of the address: `connections` or `datastores`."""

    def __init__(self, transport: Transport, path: str) -> None:
        self._transport = transport
        self._path = f"/api/{path}"

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Define what a YAML file says, or change the one of that name."""
        text, _ = files.read_changed(Path(file), changes or [])
        return self._transport.json("POST", self._path, json={"yaml": text})

    def change(self, name: str, changes: Iterable[str]) -> dict:
        """Change fields, such as `tags.team=a`. Credentials stay, unless they are changed or go to another place."""
        found = {field: value for field, value in self.get(name).items() if field not in _SET_BY_SERVER}
        return self._transport.json("POST", self._path, json={"yaml": files.dump(files.change(found, changes))})

    def list(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        return self._transport.pages(self._path, limit, **narrowed)

    def get(self, name: str) -> dict:
        """Without what is secret."""
        return self._transport.json("GET", f"{self._path}/{quote(name)}")

    def secrets(self, name: str) -> dict[str, str]:
        """The secret fields of the credentials; the call is audited."""
        return self._transport.json("POST", f"{self._path}/{quote(name)}/secrets")

    def delete(self, name: str) -> None:
        self._transport.send("DELETE", f"{self._path}/{quote(name)}")
