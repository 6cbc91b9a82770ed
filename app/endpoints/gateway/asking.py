"""What is asked of an endpoint, and what is said to whoever asked."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from app.endpoints.gateway import cross_origin
from app.endpoints.gateway.routing import Route
from app.errors import AtelierError, TooLarge

PATH = re.compile(r"^(?:/w/([^/]+))?/endpoints/([^/]+)/(score(?:/.*)?|invocations|swagger\.json)$")
DEFAULT_WORKSPACE = "default"
RETRY_AFTER_SECONDS = 2
CODES = {
    401: "Unauthorized",
    404: "NotFound",
    408: "RequestTimeout",
    413: "PayloadTooLarge",
    429: "TooManyRequests",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "RequestTimeout",
}
JSON = (b"content-type", b"application/json")


@dataclass(slots=True)
class Ask:
    """A whole scoring request; `headers` have lower-case names. `route` and `deployment` are known once chosen.

    `mirrored` marks a copy that nobody waits for, `disagrees` that its answer was another. `said` goes with the answer.
    `waited` is in seconds, `batch` how many were predicted with it; None where nobody tells. `collected` is what the
    scoring script did of it: JSON, pairs of a collection and its records. `is_container`: a server of the user's own
    was asked.
    """

    workspace: str
    endpoint: str
    action: str
    headers: Mapping[bytes, bytes]
    body: bytes
    request_id: str = ""
    query: bytes = b""
    method: str = "POST"
    route: Route | None = None
    deployment: str | None = None
    mirrored: bool = False
    disagrees: bool = False
    said: tuple[tuple[bytes, bytes], ...] = ()
    waited: float | None = None
    batch: int | None = None
    collected: bytes = b""
    is_container: bool = False
    started: float = field(default_factory=time.perf_counter)


@dataclass(slots=True)
class Answer:
    """`headers` lack the length of the body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


GONE = Answer(499, [], b"")
"""As nginx counts clients that went away before their answer."""
Done = Callable[[Answer], None]
After = Callable[[Ask, Answer], None]
Before = Callable[[Ask], None]


def address_of(path: str) -> tuple[str | None, str, str] | None:
    """Workspace, endpoint and action that a path names, or None."""
    found = PATH.match(path)
    return (unquote(found[1]) if found[1] else None, unquote(found[2]), found[3]) if found else None


OPTIONS = "OPTIONS"
BELOW = "score/"
"""What lies below is for the servers of custom containers, which have paths of their own."""
_METHODS = {"score": ("POST", "GET", OPTIONS), "invocations": ("POST", OPTIONS), "swagger.json": ("GET",)}


def takes(action: str, method: str) -> bool:
    """Whether a GET of `score` is taken its scoring server says, and OPTIONS is what browsers ask before."""
    return method in (_METHODS.get(action) or ("POST", "GET", "PUT", "DELETE", OPTIONS))


def known(ask: Ask) -> list[tuple[bytes, bytes]]:
    """What every answer says of the request."""
    said = [(b"x-ms-request-id", ask.request_id.encode("latin-1"))]
    said += ask.said
    if ask.route is not None and ask.route.origins:
        said += cross_origin.headers(ask.route, ask.deployment, ask.headers)
    if ask.deployment is not None:
        said.append((b"azureml-model-deployment", ask.deployment.encode()))
    return said


def refusal(error: AtelierError, ask: Ask | None = None) -> Answer:
    """The answer that says why there is no other."""
    named = {"code": CODES.get(error.status, error.code), "message": error.message, "target": error.target}
    headers = [JSON, *(known(ask) if ask else ())]
    if error.status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.status == 413:
        # The rest of the body is not read, so nothing else can follow on this connection.
        headers.append((b"connection", b"close"))
    return Answer(error.status, headers, json.dumps({"error": named}).encode())


def too_large(size: int | None, limit: int) -> TooLarge:
    if size is None:
        return TooLarge(f"The body has more than {limit} bytes, which is the most that is accepted.", target="body")
    return TooLarge(f"The body has {size} bytes. At most {limit} are accepted.", target="body")
