"""Files behind an HTTP address, and blobs of a container that speaks Azure's protocol."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import httpx

from app.errors import NotFound, Unavailable
from app.kit.storage import safe_key

TIMEOUT_SECONDS = 60


class HttpFiles:
    """`base` is the address that keys are relative to. With `lists_blobs` everything below a key can be fetched."""

    def __init__(
        self, base: str, *, query: str = "", headers: dict[str, str] | None = None, lists_blobs: bool = False
    ) -> None:
        self._base = base
        self._query = query
        self._headers = headers or {}
        self._lists_blobs = lists_blobs

    def size(self, key: str) -> int | None:
        """Bytes of a file, 0 where the server does not say, or None where there is none."""
        answer = self._request("HEAD", self._address(key))
        if answer.status_code in (403, 405, 501):
            # Some servers answer GET only.
            return 0
        return int(answer.headers.get("content-length", 0)) if answer.is_success else None

    def local_path(self, key: str) -> Path | None:
        return None

    def download(self, key: str, target: Path) -> None:
        """Raises NotFound where there is nothing, and Unavailable where the server does not answer as it should."""
        below = list(self._below(key)) if self._lists_blobs else []
        for name in below:
            self._fetch(name, target / name.removeprefix(f"{safe_key(key)}/"))
        if not below:
            self._fetch(key, target)

    def _fetch(self, key: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        address = self._address(key)
        try:
            with httpx.stream(
                "GET", address, headers=self._headers, follow_redirects=True, timeout=TIMEOUT_SECONDS
            ) as answer:
                if answer.status_code == 404:
                    raise NotFound(f"there is nothing at {self._base}/{key}.")
                if not answer.is_success:
                    raise Unavailable(f"{self._base}/{key} answered {answer.status_code}.")
                with target.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._base}/{key} could not be fetched: {error}") from error

    def _below(self, key: str) -> Iterator[str]:
        """The names of the blobs in the folder `key`, by the operation List Blobs, page by page."""
        marker = ""
        while True:
            query = f"restype=container&comp=list&prefix={quote(safe_key(key))}/&marker={quote(marker)}"
            answer = self._request("GET", f"{self._base}?{query}" + (f"&{self._query}" if self._query else ""))
            if not answer.is_success:
                return
            found = ElementTree.fromstring(answer.content)
            for name in found.iter("Name"):
                if name.text:
                    yield safe_key(name.text)
            marker = found.findtext("NextMarker") or ""
            if not marker:
                return

    def _request(self, method: str, address: str) -> httpx.Response:
        try:
            return httpx.request(method, address, headers=self._headers, follow_redirects=True, timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._base} does not answer: {error}") from error

    def _address(self, key: str) -> str:
        return f"{self._base}/{quote(safe_key(key))}" + (f"?{self._query}" if self._query else "")
