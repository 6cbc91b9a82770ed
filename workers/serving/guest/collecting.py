"""Azure ML's `Collector` for scoring scripts, whose data goes to the gateway behind the answer of its request.

Names and behaviour are those of the package `azureml-ai-monitoring` 1.0.
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import answers
from .wire import Request, Response

ASKED, TOLD = "x-atelier-collect", "x-atelier-collected"
"""The names of collections that the gateway asks for, and how many bytes behind the answer are what was collected."""
MOST_BYTES = 4 * 2**20
_current = threading.local()


class BasicCorrelationContext:
    """Ties what is collected of a request together; the gateway does so by the id of the request."""

    def __init__(self, id: str | None = None, timestamp: int | None = None, headers: dict | None = None) -> None:
        self.id, self.timestamp, self.headers = id or str(uuid.uuid4()), timestamp or int(time.time()), headers or {}

    def get_id(self) -> str:
        return self.id

    def get_timestamp(self) -> int:
        return self.timestamp

    def get_headers(self) -> dict:
        return self.headers


class Collector:
    """Takes a DataFrame; `on_error` is called for anything else, and by default raises."""

    def __init__(self, *, name: str, on_error: Callable[[Exception], Any] | None = None) -> None:
        self.name, self._on_error = name, on_error

    def collect(self, data: Any, correlation_context: Any = None) -> Any:
        context = correlation_context or BasicCorrelationContext()
        if not hasattr(data, "to_dict"):
            error = TypeError(f"data type ({type(data).__name__}) not supported, supported types: pandas.DataFrame")
            if self._on_error is None:
                raise error
            self._on_error(error)
        elif self.name in getattr(_current, "wanted", ()):
            _current.found.append([self.name, data.to_dict(orient="records")])
        return context


def begin(request: Request) -> None:
    """What this thread collects from here on is of that request."""
    _current.wanted = {name for name in request.headers.get(ASKED, "").split(",") if name}
    _current.found = []


def attach(response: Response) -> Response:
    """The answer with what was collected behind it, where that was asked for."""
    found, _current.found, _current.wanted = _current.found, [], set()
    response.headers.pop(TOLD, None)
    data = answers.encode(found) if found else b""
    if not data or len(data) > MOST_BYTES:
        return response
    return replace(response, body=response.body + data, headers={**response.headers, TOLD: str(len(data))})
