"""Calls about computes and queues, and about whose turn it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files
from app.sdk.transport import Transport


class Computes:
    """The named computes of a workspace, and the queues of the server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, file: Path | str, changes: list[str] | None = None) -> dict:
        """Make a compute from a file of CLI v2, or change the one of its name."""
        text, _ = files.read_changed(Path(file), changes or [])
        return self._transport.json("POST", "/api/computes", json={"yaml": text})

    def define(self, definition: dict[str, Any]) -> dict:
        """Make a compute of the fields of such a file."""
        return self._transport.json("POST", "/api/computes", json={"yaml": files.dump(definition)})

    def get(self, name: str) -> dict:
        return self._transport.json("GET", f"/api/computes/{quote(name)}")

    def change(self, name: str, **changes: Any) -> dict:
        return self._transport.json("PATCH", f"/api/computes/{quote(name)}", json=changes)

    def delete(self, name: str) -> None:
        self._transport.send("DELETE", f"/api/computes/{quote(name)}")

    def power(self, name: str, verb: str) -> dict:
        """`verb` is stop, after which none of its jobs starts, start or restart."""
        return self._transport.json("POST", f"/api/computes/{quote(name)}/{verb}")

    def nodes(self, name: str) -> list[dict]:
        """The workers, each with the jobs of this compute that run there."""
        return self._transport.json("GET", f"/api/computes/{quote(name)}/nodes")

    def usage(self) -> list[dict]:
        """What is in use of slots, GPUs and queues; a `limit` of -1 is none."""
        return self._transport.json("GET", "/api/compute/usage")

    def workers(self) -> list[dict]:
        return self._transport.json("GET", "/api/compute")

    def queues(self) -> list[dict]:
        return self._transport.json("GET", "/api/queues")

    def queue(self, name: str) -> dict:
        return self._transport.json("GET", f"/api/queues/{quote(name)}")

    def put_queue(self, name: str, **changes: Any) -> dict:
        """Make a queue, or change its `weight`, `max_slots` or `description`."""
        return self._transport.json("PUT", f"/api/queues/{quote(name)}", json=changes)

    def delete_queue(self, name: str) -> None:
        self._transport.send("DELETE", f"/api/queues/{quote(name)}")

    def list(self, limit: int | None = None) -> Iterator[dict]:
        return self._transport.pages("/api/computes", limit)
