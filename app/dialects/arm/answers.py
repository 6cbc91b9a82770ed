"""The shapes that all answers of Azure Resource Manager share: resources, lists by page, and operations that go on.

Source: the ARM RPC (github.com/Azure/azure-resource-manager-rpc), as azure-core's `ARMPolling` and pagers read it.
A PUT that is not finished is answered 201 with `provisioningState` in its properties, and the client asks for
the resource itself until that is Succeeded, Failed or Canceled; `underway` is for calls without such a resource.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response

from app.dialects.arm.addressing import PROVIDER
from app.dialects.arm.cloud import address
from app.errors import Invalid
from app.kit import paging

DONE = "operations/done"
PAGE_SIZE = 50
LARGEST_PAGE = 500


def workspace_id(request: Request) -> str:
    """The id of the workspace in the address, with the subscription and group as written there, or of the registry."""
    place = request.path_params
    if registry := place.get("registry"):
        return f"azureml://registries/{registry}"
    group = f"/subscriptions/{place['subscription']}/resourceGroups/{place['group']}"
    return f"{group}/providers/{PROVIDER}/workspaces/{place['workspace']}"


def resource(
    request: Request,
    path: str,
    properties: dict[str, Any],
    *,
    created_at: datetime | None = None,
    created_by: str = "",
    changed_at: datetime | None = None,
    **more: Any,
) -> dict:
    """A resource of the workspace; `path` is what its id ends in, such as `data/digits/versions/1`."""
    kinds = "/".join(path.split("/")[::2])
    return {
        "id": f"{workspace_id(request)}/{path}",
        "name": path.rpartition("/")[2],
        "type": f"{PROVIDER}/workspaces/{kinds}",
        "properties": properties,
        "systemData": {
            "createdAt": _time(created_at),
            "createdBy": created_by,
            "createdByType": "User",
            "lastModifiedAt": _time(changed_at or created_at),
            "lastModifiedBy": created_by,
            "lastModifiedByType": "User",
        },
        **more,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def body(answer: Any, status: int = 200) -> JSONResponse:
    return JSONResponse(answer, status)


def underway(request: Request, path: str, *, retry_after: int = 1) -> Response:
    """202: the client asks at `path` of the workspace, which answers 202 until it is done and then 200 or 204."""
    where = f"{address(request)}{workspace_id(request)}/{path}"
    return Response(status_code=202, headers={"Location": where, "Retry-After": str(retry_after)})


def done(request: Request, answer: Any, status: int) -> JSONResponse:
    """A PUT that is finished. Clients read the resource anew once the operation says so: older ones cannot read the
    same answer twice, where its properties are of several kinds."""
    found = body(answer, status)
    found.headers["Azure-AsyncOperation"] = f"{address(request)}{workspace_id(request)}/{DONE}"
    return found


class Paging:
    """Which page is asked for: `$top` or `count` rows, after what `$skipToken` or `$skip` says."""

    def __init__(self, request: Request) -> None:
        self.request = request
        asked = request.query_params
        self.size = min(_number(asked, ("$top", "count", "listLimit"), PAGE_SIZE), LARGEST_PAGE)
        token = asked.get("$skipToken") or asked.get("$skip")
        self.number = _page_number(token) if token else 1

    def answer(self, page: paging.Page, shown: Callable[[Any], dict] | Sequence[dict]) -> JSONResponse:
        """`shown` makes a resource of a row, or is what the rows look like."""
        value = [shown(row) for row in page.rows] if callable(shown) else list(shown)
        found: dict[str, Any] = {"value": value}
        if page.number < page.pages:
            found["nextLink"] = self._next(page.number + 1)
        return JSONResponse(found)

    def _next(self, number: int) -> str:
        left = [pair for pair in parse_qsl(self.request.url.query) if pair[0] not in ("$skip", "$skipToken")]
        query = urlencode([*left, ("$skipToken", paging.encode(number))])
        return f"{address(self.request)}{self.request.scope['path']}?{query}"


def _number(asked, names: tuple[str, ...], default: int) -> int:
    for name in names:
        if text := asked.get(name):
            if not text.isdigit() or not int(text):
                raise Invalid(f"{name}: {text!r} is no whole number from 1.", target=name)
            return int(text)
    return default


def _page_number(token: str) -> int:
    number = paging.decode(token)
    if not isinstance(number, int) or number < 1:
        raise Invalid("$skipToken: it is not one that this server gave out.", target="$skipToken")
    return number


PagingDep = Annotated[Paging, Depends(Paging)]


async def _sent(request: Request) -> dict:
    try:
        found = await request.json()
    except ValueError as error:
        raise Invalid("The body is no JSON.", target="body") from error
    if not isinstance(found, dict):
        raise Invalid("The body must be a JSON object.", target="body")
    return found


BodyDep = Annotated[dict, Depends(_sent)]


def properties_of(sent: dict) -> dict:
    """The `properties` of a resource that was sent; raises Invalid when there are none."""
    found = sent.get("properties")
    if not isinstance(found, dict):
        raise Invalid('properties: it is missing; a resource is sent as {"properties": {…}}.', target="properties")
    return found
