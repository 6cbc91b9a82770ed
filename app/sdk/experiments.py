"""Calls about experiments and saved views of the run table."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from app.sdk.errors import ClientError
from app.sdk.transport import Transport


class Experiments:
    """The calls of a client that are about experiments."""

    _transport: Transport

    def experiments(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """Those changed last first; narrow with `folder`, `text` and `deleted`."""
        return self._transport.pages("/api/experiments", limit, **narrowed)

    def experiment(self, name: str, *, deleted: bool = False) -> dict:
        """By its name. Raises ClientError where there is none."""
        for found in self.experiments(text=name, deleted=deleted):
            if found["name"] == name:
                return found
        state = "deleted" if deleted else "active"
        raise ClientError(f"name: there is no {state} experiment {name!r} in this workspace.", target="name")

    def create_experiment(self, name: str, **fields: Any) -> dict:
        """`fields` are `folder`, `description` and `tags`."""
        return self._transport.json("POST", "/api/experiments", json={"name": name, **fields})

    def delete_experiment(self, name: str) -> dict:
        """Out of sight with its jobs, until it is restored."""
        found = self.experiment(name)
        return self._transport.json("POST", f"/api/experiments/{quote(found['id'])}/delete")

    def restore_experiment(self, name: str) -> dict:
        found = self.experiment(name, deleted=True)
        return self._transport.json("POST", f"/api/experiments/{quote(found['id'])}/restore")

    def views(self, limit: int | None = None) -> Iterator[dict]:
        """Saved views of the run table: one's own and those that others share."""
        return self._transport.pages("/api/views", limit)

    def create_view(self, name: str, query: str, **fields: Any) -> dict:
        """`query` is that of the run table's address; `fields` are `shared` and `default_for`."""
        return self._transport.json("POST", "/api/views", json={"name": name, "query": query, **fields})
