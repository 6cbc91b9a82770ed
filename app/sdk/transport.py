"""Speaks HTTP with a server of Atelier and turns its problems into ClientError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from app.sdk.errors import ClientError


class Transport:
    """Paths are relative to the workspace, as in `/api/jobs`."""

    def __init__(
        self, url: str, token: str, workspace: str, timeout: float = 60, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.workspace = workspace
        self._http = httpx.Client(
            base_url=f"{self.url}/w/{quote(workspace)}",
            headers={"Authorization": f"Bearer {token}", "User-Agent": "atelier"},
            timeout=httpx.Timeout(timeout, connect=10),
            transport=transport,
        )

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Raises ClientError with what the server said, or that no server answered."""
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not answer.is_success:
            raise problem_of(answer)
        return answer

    def json(self, method: str, path: str, **options: Any) -> Any:
        answer = self.send(method, path, **options)
        return answer.json() if answer.content else None

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        """A large answer, read piece by piece."""
        try:
            with self._http.stream("GET", path, **options) as answer:
                if not answer.is_success:
                    answer.read()
                    raise problem_of(answer)
                yield answer
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def pages(self, path: str, limit: int | None, **narrowed: Any) -> Iterator[dict]:
        """The rows of a list, page after page, until there are no more or `limit` is reached."""
        given, number = 0, 1
        while number is not None:
            size = min(100, limit - given) if limit else 100
            answer = self.json("GET", path, params={**narrowed, "page": number, "size": max(size, 1)})
            for row in answer["value"]:
                yield row
                given += 1
                if limit and given >= limit:
                    return
            number = answer.get("next_page")

    def close(self) -> None:
        self._http.close()

    def _unreachable(self, error: httpx.HTTPError) -> ClientError:
        said = str(error) or type(error).__name__
        return ClientError(f"No server answers at {self.url}: {said}")


def problem_of(answer: httpx.Response) -> ClientError:
    """RFC 9457, the `error` of a scoring address, or whatever else came back."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    inner = body.get("error")
    if isinstance(inner, dict):
        body = inner
    message = body.get("detail") or body.get("message") or (inner if isinstance(inner, str) else body.get("title"))
    if isinstance(message, dict | list) or not message:
        message = f"The server answered {answer.status_code} {answer.reason_phrase}."
    if answer.status_code == 401:
        message += " Make a token with `atelier token create` and set ATELIER_TOKEN."
    return ClientError(message, status=answer.status_code, target=body.get("target"), details=body.get("details"))
