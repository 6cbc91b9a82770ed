"""Writes records and files to a server of Atelier, through its routes for imports."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from app.sdk.errors import ClientError
from app.sdk.mlflow_stores.artifacts import StoredFile
from app.sdk.mlflow_stores.records import Record
from app.sdk.transport import Transport

_WAITS = (1, 4, 15)
_SECONDS = 600
# What concerns every record alike, so that going on is pointless.
_HOPELESS = (401, 403)


class Refused(Exception):
    """The server took one record not, with a reason; the others can go on."""


class Sender:
    """`is_dry` sends nothing and answers as if all were new."""

    def __init__(self, transport: Transport, *, is_dry: bool) -> None:
        self._transport = transport
        self.is_dry = is_dry

    def post(self, path: str, record: Any, **params: str) -> Record:
        """Answers `{id, created, missing}`. Raises Refused, or ClientError when no server answers."""
        if self.is_dry:
            return {"id": None, "created": True, "missing": []}
        path = f"/api/imports/{path}"
        return _patiently(lambda: self._transport.json("POST", path, json=record, params=params, timeout=_SECONDS))

    def sizes(self, of: str) -> dict[str, int]:
        """Path and size of the files that are there, all of them whole."""
        if self.is_dry:
            return {}
        return {file["path"]: file["size"] for file in self._files(of, "false")}

    def digests(self, of: str) -> dict[str, str]:
        """The same with the SHA-256 of each file, which the server reads them for."""
        return {file["path"]: file["sha256"] for file in self._files(of, "true")}

    def _files(self, of: str, digests: str) -> list[Record]:
        path, params = f"/api/imports/{of}/files", {"digests": digests}
        return _patiently(lambda: self._transport.json("GET", path, params=params, timeout=_SECONDS))["value"]

    def put(self, of: str, path: str, file: StoredFile) -> None:
        if self.is_dry:
            return
        headers = {"Content-Length": str(file.size), "Content-Type": "application/octet-stream"}
        if file.content_digest:
            headers["Content-Digest"] = file.content_digest
        url = f"/api/imports/{of}/files/{quote(path)}"
        _patiently(lambda: self._transport.send("PUT", url, content=file.chunks(), headers=headers, timeout=_SECONDS))


def _patiently(send: Callable[[], Any]) -> Any:
    """A server that starts again meanwhile is waited for: every request can be repeated."""
    for wait in (*_WAITS, None):
        try:
            return send()
        except ClientError as error:
            if error.status is not None and error.status < 500:
                if error.status in _HOPELESS:
                    raise
                raise Refused(" ".join((error.message, *error.details))) from error
            if wait is None:
                raise
            time.sleep(wait)
