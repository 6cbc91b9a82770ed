"""Takes the workspace out of the address: `/w/{workspace}/jobs` is `/jobs` in that workspace."""

import re
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULT = "default"
_PREFIX = re.compile(r"^/w/([^/]+)(?=/|$)")


class WorkspaceAddress:
    """ASGI: names the workspace in `scope["workspace"]` and takes its prefix off as `root_path`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            found = _PREFIX.match(scope["path"])
            scope["workspace"] = found[1] if found else DEFAULT
            if found:
                scope["root_path"] = found[0]
                if scope["path"] == found[0]:
                    scope["path"] += "/"
        await self.app(scope, receive, send)


def workspace_name(request: HTTPConnection) -> str:
    return request.scope["workspace"]


def local_path(request: HTTPConnection) -> str:
    """The path within the workspace."""
    return request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/"


def url_for_workspace(workspace: str, path: str) -> str:
    return f"/w/{quote(workspace)}{path}"
