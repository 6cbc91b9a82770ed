"""Takes the workspace out of the address: `/w/{workspace}/jobs` is `/jobs` in that workspace.

MLflow's client may name it in a header instead (`mlflow.set_workspace`): such a request is the same
as one at the workspace's address.
"""

import re
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULT = "default"
ANYWHERE = "*"
"""Stands for a workspace in what belongs to none, as registries do: any will do in which the caller may do it."""
HEADER = b"x-mlflow-workspace"
_PREFIX = re.compile(r"^/w/([^/]+)(?=/|$)")


class WorkspaceAddress:
    """ASGI: names the workspace in `scope["workspace"]` and takes its prefix off as `root_path`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            found = _PREFIX.match(scope["path"])
            if named := _named(scope):
                rest = scope["path"][found.end() :] if found else scope["path"]
                scope["path"] = f"/w/{named}{rest}"
                found = _PREFIX.match(scope["path"])
            scope["workspace"] = found[1] if found else DEFAULT
            if found:
                scope["root_path"] = found[0]
                if scope["path"] == found[0]:
                    scope["path"] += "/"
        await self.app(scope, receive, send)


def _named(scope: Scope) -> str:
    """The workspace that the header names, without what no name of a workspace holds."""
    value = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return value.decode("latin-1").strip().replace("/", "")


def workspace_name(request: HTTPConnection) -> str:
    return request.scope["workspace"]


def local_path(request: HTTPConnection) -> str:
    """The path within the workspace."""
    return request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/"


def url_for_workspace(workspace: str, path: str) -> str:
    return f"/w/{quote(workspace)}{path}"
