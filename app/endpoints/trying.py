"""Scores a request for somebody at a page, by the same way that clients' requests take."""

import json
import time
from dataclasses import dataclass, replace

import httpx

from app.endpoints.gateway import Gateway, RoutingTable
from app.endpoints.gateway.routing import Route
from app.errors import NotFound


@dataclass(frozen=True)
class Outcome:
    """What a scoring request was answered; `message` and `target` are those of an error."""

    status: int
    seconds: float
    text: str
    deployment: str | None
    message: str | None = None
    target: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status < 400


async def score(
    table: RoutingTable, workspace: str, endpoint: str, body: bytes, *, deployment: str = "", body_limit: int
) -> Outcome:
    """Who asks has been authorised already, so the endpoint's own check of keys is passed.

    Runs in the event loop that calls it. Raises NotFound for an endpoint that does not take requests yet.
    """
    if table.get(workspace, endpoint) is None:
        raise NotFound(f"Endpoint {endpoint!r} does not take requests yet. Try again in a moment.", target="endpoint")
    gateway = Gateway(_nothing, _Admitting(table), body_limit=body_limit)
    headers = {"Authorization": "Bearer page", "Content-Type": "application/json"}
    if deployment:
        headers["azureml-model-deployment"] = deployment
    transport = httpx.ASGITransport(gateway, raise_app_exceptions=False)
    started = time.perf_counter()
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client:
            answer = await client.post(f"/w/{workspace}/endpoints/{endpoint}/score", content=body, headers=headers)
    finally:
        gateway.scoring.pool.close()
    return _outcome(answer, time.perf_counter() - started)


class _Admitting(RoutingTable):
    """The routes of another table, open to whoever asks; what waits for an instance sees that table change."""

    def __init__(self, table: RoutingTable) -> None:
        super().__init__()
        self._table = table

    def get(self, workspace: str, endpoint: str) -> Route | None:
        found = self._table.get(workspace, endpoint)
        return found and replace(found, auth_mode="aml_token", authorize=lambda token: True)

    async def changed(self) -> None:
        await self._table.changed()


async def _nothing(scope, receive, send) -> None:
    raise AssertionError("only scoring requests are made here")


def _outcome(answer: httpx.Response, seconds: float) -> Outcome:
    used = answer.headers.get("azureml-model-deployment")
    if answer.status_code < 400:
        return Outcome(answer.status_code, seconds, answer.text, used)
    message, target = _error(answer.text)
    return Outcome(answer.status_code, seconds, answer.text, used, message, target)


def _error(text: str) -> tuple[str, str | None]:
    """What an error says, in the scoring server's form, or as it came."""
    try:
        found = json.loads(text)["error"]
        return str(found["message"]), found.get("target")
    except (ValueError, KeyError, TypeError, AttributeError):
        return text[:2000] or "The scoring server gave no reason.", None
