"""Files behind HTTP addresses."""

from collections.abc import Iterator
from urllib.parse import quote, unquote

import httpx

from app.errors import NotFound, Unavailable
from app.kit.storage import Entry, Files, safe_key

TIMEOUT = httpx.Timeout(60, connect=10)


class Site:
    """Requests to one server, with what it asks for; what goes wrong is told by the address that was asked for."""

    def __init__(
        self, base: str, *, query: str = "", auth: httpx.Auth | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.base = base
        self._query = query
        self._client = httpx.Client(auth=auth, headers=headers, follow_redirects=True, timeout=TIMEOUT)

    def address(self, key: str) -> str:
        return (f"{self.base}/{quote(safe_key(key))}" if key else self.base) + self._query

    def ask(self, method: str, address: str, **sent) -> httpx.Response:
        """Raises Unavailable where there is no answer."""
        try:
            return self._client.request(method, address, **sent)
        except httpx.HTTPError as error:
            raise Unavailable(f"{self.base} does not answer: {error}") from error

    def fetch(self, address: str, headers: dict[str, str]) -> Iterator[bytes]:
        """Raises NotFound where there is nothing, and Unavailable where the server does not answer as it should."""
        try:
            with self._client.stream("GET", address, headers=headers) as answer:
                if answer.status_code == 416:
                    return
                self.check(answer, address)
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise Unavailable(f"{address.partition('?')[0]} could not be fetched: {error}") from error

    def check(self, answer: httpx.Response, address: str) -> httpx.Response:
        shown = address.partition("?")[0]
        if answer.status_code == 404:
            raise NotFound(f"there is nothing at {shown}.", target="path")
        if not answer.is_success:
            raise Unavailable(f"{shown} answered {answer.status_code}{_reason(answer)}.")
        return answer


def _reason(answer: httpx.Response) -> str:
    """What Azure's and other servers say in a header of why they refuse."""
    code = answer.headers.get("x-ms-error-code")
    return f" ({code})" if code else ""


class HttpFiles(Files):
    """Single files: what lies beside a file, or below an address, no server tells."""

    def __init__(self, base: str, *, query: str = "", headers: dict[str, str] | None = None) -> None:
        self._site = Site(base, query=query, headers=headers)

    @classmethod
    def beside(cls, url: str) -> tuple["HttpFiles", str]:
        """The files of the folder in which a URL's file lies, and the key of that file."""
        address, mark, query = url.partition("?")
        base, _, name = address.rpartition("/")
        return cls(base, query=mark + query), unquote(name)

    def size(self, key: str) -> int | None:
        """Bytes of a file, 0 where the server does not say, or None where there is none."""
        answer = self._site.ask("HEAD", self._site.address(key), headers={"Accept-Encoding": "identity"})
        if answer.status_code in (403, 405, 501):
            # Some servers answer GET only.
            return 0
        return int(answer.headers.get("content-length", 0)) if answer.is_success else None

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        asked = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        pieces = self._site.fetch(self._site.address(key), asked | {"Accept-Encoding": "identity"})
        return pieces if end is None else _up_to(pieces, end - start)

    def list(self, key: str) -> list[Entry]:
        return []

    def walk(self, key: str) -> Iterator[Entry]:
        return iter(())

    def download(self, key, target) -> None:
        self._fetch(key, target)


def _up_to(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """A server that does not know ranges sends the whole file."""
    for piece in pieces:
        yield piece[:most]
        most -= len(piece)
        if most <= 0:
            return
