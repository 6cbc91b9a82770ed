"""How a request is put to a scoring server, and what of its reply is passed on."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote

from app.endpoints.gateway.asking import BELOW, Answer, Ask, known
from app.endpoints.gateway.client import Reply
from app.endpoints.gateway.routing import Upstream
from app.errors import AtelierError, Unavailable

MOST_BATCHED = 256
_SAFE = "/:@!$&'()*+,;=~%"
# Of one connection only, or ours.
STAYS = frozenset(
    b"authorization host connection keep-alive content-length transfer-encoding te trailer upgrade expect "
    b"proxy-authorization proxy-connection x-atelier-instance-key x-ms-request-id date server "
    b"x-atelier-waited x-atelier-batch x-atelier-collect x-atelier-collected".split()
)


class UpstreamFailed(AtelierError):
    status = 502
    title = "The scoring server failed"


class UpstreamTimedOut(AtelierError):
    status = 504
    title = "The scoring server did not answer in time"


def failure(ask: Ask, error: Exception) -> AtelierError:
    """What to say of a reply that did not come."""
    if isinstance(error, TimeoutError):
        allowed = ask.route.timeout_seconds(ask.deployment)
        return UpstreamTimedOut(f"Deployment {ask.deployment!r} did not answer within {allowed:g} s.")
    return UpstreamFailed(f"Deployment {ask.deployment!r}: {error}")


def checked(ask: Ask, reply: Reply) -> Reply:
    """The reply without what only we are told. Raises Unavailable where another server has taken the address."""
    if ask.is_container:
        return reply
    if reply.status == 401:
        raise Unavailable(f"Deployment {ask.deployment!r} is being moved. Try again.")
    _take_in(ask, reply.headers)
    return _without_collected(ask, reply)


def request_to(ask: Ask, upstream: Upstream) -> tuple[bytes, bytes]:
    ask.is_container = upstream.path is not None
    query = b"?" + ask.query if ask.query else b""
    lines = [
        b"%b %b%b HTTP/1.1" % (ask.method.encode(), _path(ask, upstream), query),
        b"host: " + upstream.address.encode(),
        b"content-length: %d" % len(ask.body),
        b"x-ms-request-id: " + ask.request_id.encode("latin-1"),
    ]
    if not ask.is_container:
        lines.append(b"x-atelier-instance-key: " + upstream.key.encode())
    lines += [name + b": " + value for name, value in ask.headers.items() if name not in STAYS]
    collecting = ask.route.collecting.get(ask.deployment)
    if collecting is not None and not collecting.in_rows:
        lines.append(b"x-atelier-collect: " + ",".join(collecting.collections).encode())
    if b"content-type" not in ask.headers:
        lines.append(b"content-type: application/json")
    return b"\r\n".join(lines) + b"\r\n\r\n", ask.body


def _path(ask: Ask, upstream: Upstream) -> bytes:
    if upstream.path is None or ask.action == "swagger.json":
        return _quoted("/" + ask.action)
    if ask.action.startswith(BELOW):
        return _quoted(ask.action.removeprefix("score"))
    return upstream.path.encode()


@lru_cache(1024)
def _quoted(path: str) -> bytes:
    return quote(path, safe=_SAFE).encode()


def _take_in(ask: Ask, headers: Mapping[bytes, bytes]) -> None:
    """What the scoring server says of its queue; a user's script could say anything there."""
    try:
        ask.waited = float(headers[b"x-atelier-waited"]) if b"x-atelier-waited" in headers else None
        ask.batch = (
            max(1, min(MOST_BATCHED, int(headers[b"x-atelier-batch"]))) if b"x-atelier-batch" in headers else None
        )
    except ValueError:
        return


def _without_collected(ask: Ask, reply: Reply) -> Reply:
    """What a script collected lies behind its answer."""
    size = reply.headers.get(b"x-atelier-collected", b"")
    if not (size.isdigit() and 0 < int(size) <= len(reply.body)) or ask.deployment not in ask.route.collecting:
        return reply
    ask.collected = reply.body[-int(size) :]
    return replace(reply, body=reply.body[: -int(size)])


def passed_on(ask: Ask, reply: Reply) -> Answer:
    headers = [(name, value) for name, value in reply.headers.items() if name not in STAYS]
    return Answer(reply.status, [*headers, *known(ask)], reply.body)
