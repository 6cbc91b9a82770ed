"""Calls about registries and what is in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files
from app.sdk.transport import Transport

PATH = "/api/registries"


class Registries:
    """`kind` is `models`, `data` or `components`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Make the registry that a YAML file describes, or change what is said about it."""
        return self.define(files.read_changed(Path(file), changes or [])[0])

    def define(self, yaml: str) -> dict:
        return self._transport.json("POST", PATH, json={"yaml": yaml})

    def list(self, limit: int | None = None) -> Iterator[dict]:
        return self._transport.pages(PATH, limit)

    def get(self, name: str) -> dict:
        return self._transport.json("GET", f"{PATH}/{quote(name)}")

    def delete(self, name: str) -> None:
        """With all that is in it."""
        self._transport.send("DELETE", f"{PATH}/{quote(name)}")

    def share(
        self,
        kind: str,
        name: str,
        version: str,
        registry: str,
        *,
        share_with_name: str | None = None,
        share_with_version: str | None = None,
    ) -> dict:
        """Copy a version of the workspace into a registry, by default under the same name and version."""
        body = {"name": name, "version": version}
        body |= {"share_with_name": share_with_name, "share_with_version": share_with_version}
        return self._transport.json("POST", f"{PATH}/{quote(registry)}/{kind}", json=body)

    def ask(self, kind: str, name: str, version: str, registry: str, *, reason: str = "", **named: str | None) -> dict:
        """Ask the managers of a registry to take in a version; `named` is what `share` takes too."""
        body = {"kind": kind, "name": name, "version": version, "reason": reason, **named}
        return self._transport.json("POST", f"{PATH}/{quote(registry)}/requests", json=body)

    def requests(self, registry: str, limit: int | None = None, state: str | None = None) -> Iterator[dict]:
        """Newest first; `state` is Pending, Approved, Refused or Withdrawn."""
        return self._transport.pages(f"{PATH}/{quote(registry)}/requests", limit, **({"state": state} if state else {}))

    def decide(self, registry: str, request: int, verb: str, comment: str = "") -> dict:
        """`verb` is approve, refuse or withdraw; only the one who asked withdraws."""
        body = None if verb == "withdraw" else {"comment": comment}
        return self._transport.json("POST", f"{PATH}/{quote(registry)}/requests/{request}/{verb}", json=body)

    def assets(self, registry: str, kind: str, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """The newest version of each."""
        return self._transport.pages(f"{PATH}/{quote(registry)}/{kind}", limit, **narrowed)

    def versions(self, registry: str, kind: str, name: str, limit: int | None = None) -> Iterator[dict]:
        return self._transport.pages(f"{PATH}/{quote(registry)}/{kind}/{quote(name)}/versions", limit)

    def set_archived(self, registry: str, kind: str, name: str, version: str | None, verb: str) -> dict:
        """`verb` is archive or restore; without a version, of all versions."""
        path = f"{PATH}/{quote(registry)}/{kind}/{quote(name)}"
        return self._transport.json("POST", f"{path}/versions/{quote(version)}/{verb}" if version else f"{path}/{verb}")

    def asset(self, registry: str, kind: str, name: str, version: str | None = None) -> dict:
        """A version, by default the newest."""
        path = f"{PATH}/{quote(registry)}/{kind}/{quote(name)}"
        return self._transport.json("GET", f"{path}/versions/{quote(version)}" if version else path)
