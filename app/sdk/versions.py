"""Calls that are the same about every kind of named, versioned asset."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from app.sdk.transport import Transport


class Versions:
    """Assets of one kind, at the address `path`."""

    path: str

    def __init__(self, transport: Transport, path: str | None = None) -> None:
        self._transport = transport
        self.path = path or self.path

    def list(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """The newest version of each; narrow with `text` and `archived`."""
        return self._transport.pages(self.path, limit, **narrowed)

    def versions(self, name: str, limit: int | None = None) -> Iterator[dict]:
        """Newest first."""
        return self._transport.pages(f"{self.path}/{quote(name)}/versions", limit)

    def get(self, name: str, version: str | None = None, label: str | None = None) -> dict:
        """A version, by default the newest."""
        return self._transport.json("GET", self._address(name, version), params={"label": label} if label else None)

    def change(self, name: str, version: str, **changes: Any) -> dict:
        """Change what is said about a version, such as `description` and `tags`."""
        return self._transport.json("PATCH", self._address(name, version), json=changes)

    def archive(self, name: str, version: str | None = None) -> dict:
        """Take a version, or the asset with all of its versions, out of the lists."""
        return self._transport.json("POST", f"{self._address(name, version)}/archive")

    def restore(self, name: str, version: str | None = None) -> dict:
        return self._transport.json("POST", f"{self._address(name, version)}/restore")

    def _address(self, name: str, version: str | None) -> str:
        return f"{self.path}/{quote(name)}" + (f"/versions/{quote(version)}" if version else "")
