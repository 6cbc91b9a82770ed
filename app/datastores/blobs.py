"""The blobs of a container of Azure Blob Storage, and of what answers as it does; the files of a share of Azure Files.

Source: learn.microsoft.com/rest/api/storageservices: Get Blob, Get Blob Properties, List Blobs, Put Block, Put Block
List, Get File, Get File Properties, List Directories and Files.
"""

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import httpx

from app.datastores.http import Site
from app.errors import Unavailable
from app.kit.storage import Entry, Files, WritableFiles, safe_key

BLOCK_BYTES = 8 << 20


class _Stored(Files):
    """What blobs and files of a share have in common. `base` is the whole address of the container or share; keys are
    names below its folder `prefix`."""

    def __init__(self, base: str, auth: httpx.Auth, prefix: str = "") -> None:
        self._site = Site(base, auth=auth)
        self._prefix = prefix

    def _key(self, key: str) -> str:
        return safe_key(self._prefix, key)

    def _address(self, key: str, **query: str) -> str:
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return self._site.address(self._key(key)) + asked

    def size(self, key: str) -> int | None:
        """None for a folder too, of which accounts with a hierarchy keep an empty blob."""
        if not self._key(key):
            return None
        address = self._address(key)
        answer = self._site.ask("HEAD", address)
        if answer.status_code == 404 or answer.headers.get("x-ms-meta-hdi_isfolder") == "true":
            return None
        return int(self._site.check(answer, address).headers.get("content-length", 0))

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and start >= end:
            return iter(())
        asked = {"x-ms-range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        return self._site.fetch(self._address(key), asked)

    def _pages(self, address: str, query: dict[str, str]) -> Iterator[ElementTree.Element]:
        """The answers to a list operation, until there is no marker to go on from; none where there is nothing."""
        marker: str | None = ""
        while marker is not None:
            asked = f"{address}?{urlencode(query | {'marker': marker}, quote_via=quote)}"
            answer = self._site.ask("GET", asked)
            if answer.status_code == 404:
                return
            try:
                page = ElementTree.fromstring(self._site.check(answer, asked).content)
            except ElementTree.ParseError as error:
                raise Unavailable(f"{self._site.base} answered no list: {error}", target="path") from error
            yield page
            marker = page.findtext("NextMarker") or None


class BlobFiles(_Stored, WritableFiles):
    def list(self, key: str) -> list[Entry]:
        found = {entry.path: entry for entry in self._listed(key, "/")}
        return sorted(found.values(), key=lambda entry: (not entry.is_folder, entry.path))

    def walk(self, key: str) -> Iterator[Entry]:
        return (entry for entry in self._listed(key) if not entry.is_folder)

    def _listed(self, key: str, delimiter: str = "") -> Iterator[Entry]:
        """What lies below a key, page by page; with a delimiter only what lies directly below."""
        folder = self._key(key)
        prefix = f"{folder}/" if folder else ""
        query = {"restype": "container", "comp": "list", "prefix": prefix, "include": "metadata"}
        query |= {"delimiter": delimiter} if delimiter else {}
        for page in self._pages(self._site.base, query):
            for name in page.iterfind("Blobs/BlobPrefix/Name"):
                yield Entry((name.text or "").removeprefix(prefix).rstrip("/"), True, 0)
            for blob in page.iterfind("Blobs/Blob"):
                path = (blob.findtext("Name") or "").removeprefix(prefix)
                is_folder = blob.findtext("Metadata/hdi_isfolder") == "true"
                if path and not path.endswith("/"):
                    size = int(blob.findtext("Properties/Content-Length") or 0)
                    yield Entry(path, is_folder, 0 if is_folder else size)

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        names, total = [], 0
        for number, block in enumerate(_blocks(chunks)):
            names.append(base64.b64encode(f"{number:08}".encode()).decode())
            self._put(self._address(key, comp="block", blockid=names[-1]), block)
            total += len(block)
        listed = "".join(f"<Latest>{name}</Latest>" for name in names)
        whole = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
        self._put(self._address(key, comp="blocklist"), whole.encode())
        return total

    def _put(self, address: str, body: bytes) -> None:
        self._site.check(self._site.ask("PUT", address, content=body), address)


class ShareFiles(_Stored):
    """A share of Azure Files, to be read: List Directories and Files tells one folder at a time."""

    def list(self, key: str) -> list[Entry]:
        found: list[Entry] = []
        for page in self._pages(self._address(key), {"restype": "directory", "comp": "list"}):
            found += (Entry(name.text or "", True, 0) for name in page.iterfind("Entries/Directory/Name"))
            for file in page.iterfind("Entries/File"):
                size = int(file.findtext("Properties/Content-Length") or 0)
                found.append(Entry(file.findtext("Name") or "", False, size))
        return sorted(found, key=lambda entry: (not entry.is_folder, entry.path))

    def walk(self, key: str) -> Iterator[Entry]:
        for entry in self.list(key):
            if not entry.is_folder:
                yield entry
                continue
            below = self.walk(safe_key(key, entry.path))
            yield from (Entry(f"{entry.path}/{found.path}", False, found.size) for found in below)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for chunk in chunks:
        block += chunk
        while len(block) >= BLOCK_BYTES:
            yield bytes(block[:BLOCK_BYTES])
            del block[:BLOCK_BYTES]
    if block:
        yield bytes(block)
