"""What every answer carries: a request id, a log line, security headers, and a count for `/metrics`."""

import logging
import time

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit.ids import sortable
from app.kit.logs import request_id

REQUESTS = Counter("atelier_requests_total", "Answered requests", ["method", "status"])
SECONDS = Histogram("atelier_request_seconds", "Time to answer", buckets=(0.005, 0.02, 0.1, 0.5, 2, 10))

log = logging.getLogger("atelier.requests")

CONTENT_SECURITY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'"
)
HEADERS = {
    b"content-security-policy": CONTENT_SECURITY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"SAMEORIGIN",
}


class Observed:
    """ASGI: wraps the application; streams pass through as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = sortable()
        request_id.set(number)
        scope.setdefault("state", {})["request_id"] = number
        started = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                extra = [(name, value) for name, value in HEADERS.items() if name not in present]
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", number.encode())]
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            REQUESTS.labels(scope["method"], f"{status // 100}xx").inc()
            SECONDS.observe(seconds)
            level = logging.INFO if status < 500 else logging.ERROR
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 1),
            }
            log.log(level, "request", extra={"fields": fields})
