"""Asks an MLflow server, with the credentials that MLflow's own client would use."""

import os
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from app.sdk.mlflow_stores.records import Unreadable

_WAITS = (1, 4, 15)
_CHUNK = 1 << 20


class Server:
    """`url` may hold user and password; else MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD, are used."""

    def __init__(self, url: str, workspace: str, transport: httpx.BaseTransport | None = None) -> None:
        parsed = httpx.URL(url)
        headers = {"User-Agent": "atelier"}
        if workspace != "default":
            headers["X-MLFLOW-WORKSPACE"] = workspace
        if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
        user = parsed.username or os.environ.get("MLFLOW_TRACKING_USERNAME")
        password = parsed.password or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        self.url = str(parsed.copy_with(username=None, password=None)).rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            auth=httpx.BasicAuth(user, password) if user else None,
            timeout=httpx.Timeout(300, connect=10),
            verify=_verify(),
            follow_redirects=True,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, /, **params: Any) -> Any:
        return self._json("GET", path, params=params)

    def post(self, path: str, /, **body: Any) -> Any:
        return self._json("POST", path, json=body)

    def pages(self, method: str, path: str, name: str, /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The rows called `name` of a list, page after page."""
        token = ""
        while True:
            asked = arguments | ({"page_token": token} if token else {})
            answer = self.get(path, **asked) if method == "GET" else self.post(path, **asked)
            yield from answer.get(name, ())
            token = answer.get("next_page_token", "")
            if not token:
                return

    def bytes_of(self, path: str, params: dict[str, str] | None = None) -> Iterator[bytes]:
        try:
            with self._http.stream("GET", path, params=params) as answer:
                if not answer.is_success:
                    answer.read()
                    raise Unreadable(_said(answer))
                yield from answer.iter_bytes(_CHUNK)
        except httpx.HTTPError as error:
            raise Unreadable(f"{self.url} stopped to answer: {error!r}") from error

    def _json(self, method: str, path: str, **options: Any) -> Any:
        """Raises Unreadable with what the server said."""
        for wait in (*_WAITS, None):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                if wait is None or isinstance(error, httpx.UnsupportedProtocol):
                    raise Unreadable(f"{self.url} does not answer: {error}") from error
            else:
                if answer.is_success:
                    return _parsed(answer)
                if wait is None or answer.status_code < 500:
                    raise Unreadable(_said(answer))
            time.sleep(wait)


def quoted(path: str) -> str:
    return quote(path)


def _verify() -> ssl.SSLContext | bool:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    if file := os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"):
        return ssl.create_default_context(cafile=file)
    return True


def _parsed(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise Unreadable(f"{answer.url} is no MLflow server: what it answers is not JSON.") from error


def _said(answer: httpx.Response) -> str:
    try:
        message = answer.json().get("message")
    except (ValueError, AttributeError):
        message = None
    said = message or f"{answer.status_code} {answer.reason_phrase}"
    if answer.status_code in (401, 403):
        said += " (set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)"
    return f"{answer.request.url.copy_with(query=None)} answered: {said}"
