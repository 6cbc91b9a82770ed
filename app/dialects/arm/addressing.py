"""Reads Azure's addresses: which workspace, in any spelling of the fixed parts, and which files a token opens.

Source: the paths of azure-ai-ml's generated clients, and Azure Storage's `https://ACCOUNT.blob.SUFFIX/CONTAINER/BLOB`.
"""

import re
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.identity import CREDENTIAL
from app.dialects.arm.cloud import METADATA, address, described
from app.web.addressing import ANYWHERE

PROVIDER = "Microsoft.MachineLearningServices"
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
WORKSPACES = f"{GROUP}/providers/{PROVIDER}/workspaces"
LOCATIONS = "/subscriptions/{subscription}" + f"/providers/{PROVIDER}/locations"
WORKSPACE = WORKSPACES + "/{workspace}"
REGISTRY_MANAGEMENT = "/registrymanagement/v1.0/registries"
ALL_BLOBS = "/blobs"
BLOBS = ALL_BLOBS + "/{account}"
TRACKING = "/mlflow/v1.0"
"""Before the address of a workspace: where MLflow's clients find it. Azure's tell their users another version."""
HISTORY = "/history/v1.0" + WORKSPACE
_ARM = re.compile(
    r"(?P<service>(?:/[^/]+)*?)/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<group>[^/]+))?(?P<rest>/.*)?",
    re.IGNORECASE,
)
_PROVIDER = re.compile(rf"/providers/{re.escape(PROVIDER)}(?P<rest>/.*)?", re.IGNORECASE)
_WORKSPACE = re.compile(r"/workspaces/(?P<workspace>[^/]+)(?P<rest>/.*)?", re.IGNORECASE)
_OF_NO_WORKSPACE = re.compile(r"/(?:registries|locations)(?:/.*)?", re.IGNORECASE)
_TRACKING = re.compile(
    rf"/mlflow/v\d+\.\d+/subscriptions/[^/]+/resourceGroups/[^/]+/providers/{re.escape(PROVIDER)}"
    r"/workspaces/(?P<workspace>[^/]+)(?=/|$)",
    re.IGNORECASE,
)
_BLOBS = re.compile(r"/blobs/(?P<workspace>[^/.]+)\.blob\.[^/]+/.*")


class ArmAddress:
    """ASGI: names the workspace of an Azure address in `scope["workspace"]` and spells its fixed parts as here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"] == METADATA and scope["scheme"] == "https":
                # Clients ask for it before every call of theirs, and it needs neither guard nor session.
                await JSONResponse(described(address(Request(scope))))(scope, receive, send)
                return
            if scope["path"].startswith(REGISTRY_MANAGEMENT):
                scope["workspace"] = ANYWHERE
            elif found := _TRACKING.match(scope["path"]):
                scope["workspace"], scope["root_path"] = found["workspace"], found[0]
                scope["path"] += "/" if scope["path"] == found[0] else ""
            elif "/subscriptions/" in scope["path"].lower():
                _read_arm(scope)
            elif scope["path"].startswith(ALL_BLOBS):
                _read_blobs(scope)
        await self.app(scope, receive, send)


def _read_blobs(scope: Scope) -> None:
    """The account is in the path, or begins the prefix of what a client lists that takes it for a folder."""
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    path = scope["path"] if scope["path"] != ALL_BLOBS else f"{ALL_BLOBS}/{asked.get('prefix', [''])[0]}"
    if found := _BLOBS.fullmatch(path):
        scope["workspace"] = found["workspace"]
        if signature := asked.get("sig"):
            scope[CREDENTIAL] = signature[0]


def _read_arm(scope: Scope) -> None:
    found = _ARM.fullmatch(scope["path"])
    if found is None:
        return
    path = f"{found['service']}/subscriptions/{found['subscription']}"
    path += f"/resourceGroups/{found['group']}" if found["group"] else ""
    rest = found["rest"] or ""
    if provider := _PROVIDER.fullmatch(rest):
        path, rest = f"{path}/providers/{PROVIDER}", provider["rest"] or ""
        if workspace := _WORKSPACE.fullmatch(rest):
            scope["workspace"] = workspace["workspace"]
            path, rest = f"{path}/workspaces/{workspace['workspace']}", workspace["rest"] or ""
        elif _OF_NO_WORKSPACE.fullmatch(rest):
            scope["workspace"] = ANYWHERE
    # What files write before a name, clients put into addresses at times.
    scope["path"] = path + rest.replace("/azureml:", "/")
