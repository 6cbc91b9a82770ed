"""Calls about workspaces."""

from typing import Any
from urllib.parse import quote

from app.sdk.transport import Transport

PATH = "/api/workspaces"


class Workspaces:
    """The fields of a workspace are `name`, `display_name` and `description`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> list[dict]:
        """Those in which the caller may do anything."""
        return self._transport.json("GET", PATH)

    def get(self, name: str) -> dict:
        return self._transport.json("GET", f"{PATH}/{quote(name)}")

    def create(self, name: str, **fields: Any) -> dict:
        return self._transport.json("POST", PATH, json={"name": name, **fields})

    def change(self, name: str, **fields: Any) -> dict:
        return self._transport.json("PATCH", f"{PATH}/{quote(name)}", json=fields)

    def delete(self, name: str, *, all_resources: bool = False) -> None:
        """One that holds nothing, or with all that it holds, for good."""
        self._transport.send("DELETE", f"{PATH}/{quote(name)}", params={"all_resources": all_resources})

    def readiness(self) -> dict:
        """How the server is: its database, queue and store."""
        return self._transport.json("GET", "/readyz")
