"""Calls about data assets that other kinds of assets do not have."""

import time
from typing import Any

from app.sdk.errors import ClientError
from app.sdk.versions import Versions

POLL_SECONDS = 0.5


class DataAssets(Versions):
    path = "/api/data"

    def profile(self, name: str, version: str | None = None, path: str = "") -> dict[str, Any]:
        """What a worker finds in the columns of a table, waited for: `rows`, `columns` and the rest that REST has.

        `path` is one file of a folder. Raises ClientError that says why there is none.
        """
        version = version or self.get(name)["version"]
        address, wanted = f"{self._address(name, version)}/profile", {"path": path}
        found = self._transport.json("POST", address, params=wanted)
        while found["state"] == "Waiting":
            time.sleep(POLL_SECONDS)
            found = self._transport.json("GET", address, params=wanted)
        if found["state"] == "Failed":
            raise ClientError(f"{name}:{version}: {found['error']}")
        return found["result"]
