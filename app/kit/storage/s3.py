"""The artifact store in an S3 bucket (or anything that speaks S3, by `AWS_ENDPOINT_URL`)."""

import io
from collections.abc import Iterable, Iterator

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from app.errors import NotFound
from app.kit.storage.keys import safe_key
from app.kit.storage.store import CHUNK, Entry, Storage

PARTS = ".parts"
# Chunks may come from a request, which only the thread that handles it can read.
IN_THIS_THREAD = TransferConfig(use_threads=False)


class _Stream(io.RawIOBase):
    """Chunks as the readable file that boto3 uploads in parts, never whole in memory."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.rest = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self.rest:
            chunk = next(self.chunks, None)
            if chunk is None:
                return 0
            self.rest = bytes(chunk)
        taken = self.rest[: len(buffer)]
        self.rest = self.rest[len(taken) :]
        buffer[: len(taken)] = taken
        self.count += len(taken)
        return len(taken)


class S3Storage(Storage):
    """S3 cannot append, so what is appended lies in numbered parts under `<key>.parts/`."""

    def __init__(self, root: str, client=None) -> None:
        """`client` is boto3's, where another is wanted than that of the environment."""
        self.bucket, _, self.prefix = root.removeprefix("s3://").partition("/")
        self.client = client or boto3.client("s3")

    def _key(self, key: str) -> str:
        return safe_key(self.prefix, key)

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        stream = _Stream(chunks)
        self.client.upload_fileobj(io.BufferedReader(stream, CHUNK), self.bucket, self._key(key), Config=IN_THIS_THREAD)
        return stream.count

    def append(self, key: str, data: bytes) -> None:
        offset = self.size(key) or 0
        self.client.put_object(Bucket=self.bucket, Key=f"{self._key(key)}{PARTS}/{offset:015d}", Body=data)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        size = self._object_size(key)
        if size is not None:
            return self._read_object(self._key(key), start, size if end is None else min(end, size))
        parts = self._parts(key)
        if not parts:
            raise NotFound(f"There is no file {key!r}.", target="path")
        return self._read_parts(parts, start, end)

    def _read_parts(self, parts: list[tuple[int, str, int]], start: int, end: int | None) -> Iterator[bytes]:
        for offset, name, size in parts:
            first = max(start - offset, 0)
            last = size if end is None else min(end - offset, size)
            yield from self._read_object(name, first, last)

    def _read_object(self, name: str, start: int, end: int) -> Iterator[bytes]:
        if start >= end:
            return
        body = self.client.get_object(Bucket=self.bucket, Key=name, Range=f"bytes={start}-{end - 1}")["Body"]
        yield from body.iter_chunks(CHUNK)

    def _object_size(self, key: str) -> int | None:
        try:
            return self.client.head_object(Bucket=self.bucket, Key=self._key(key))["ContentLength"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise

    def _parts(self, key: str) -> list[tuple[int, str, int]]:
        base = f"{self._key(key)}{PARTS}/"
        return [(int(name[len(base) :]), name, size) for name, size in self._objects(base)]

    def _objects(self, prefix: str) -> Iterator[tuple[str, int]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Contents", ()):
                yield found["Key"], found["Size"]

    def size(self, key: str) -> int | None:
        size = self._object_size(key)
        if size is None:
            parts = self._parts(key)
            size = parts[-1][0] + parts[-1][2] if parts else None
        return size

    def walk(self, key: str) -> Iterator[Entry]:
        base = f"{self._key(key)}/".removeprefix("/")
        sizes: dict[str, int] = {}
        for name, size in self._objects(base):
            path = name[len(base) :]
            if not path or path.endswith("/"):
                continue  # what stands for an empty folder
            folder, mark, _ = path.rpartition(PARTS + "/")
            path = folder if mark else path
            sizes[path] = sizes.get(path, 0) + size
        for path, size in sizes.items():
            yield Entry(path, False, size)

    def list(self, key: str) -> list[Entry]:
        base = f"{self._key(key)}/".removeprefix("/")
        found: list[Entry] = []
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=base, Delimiter="/"):
            for folder in page.get("CommonPrefixes", ()):
                path = folder["Prefix"][len(base) : -1]
                appended = path.removesuffix(PARTS)
                is_folder = appended == path
                found.append(Entry(appended, is_folder, 0 if is_folder else self.size(safe_key(key, appended)) or 0))
            files = (file for file in page.get("Contents", ()) if file["Key"] != base)
            found += (Entry(file["Key"][len(base) :], False, file["Size"]) for file in files)
        return sorted(found, key=lambda entry: (not entry.is_folder, entry.path))

    def delete(self, key: str) -> None:
        base = self._key(key)
        names = [base, *(name for prefix in ("/", PARTS + "/") for name, _ in self._objects(base + prefix))]
        for first in range(0, len(names), 1000):
            objects = [{"Key": name} for name in names[first : first + 1000]]
            self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})

    def copy_file(self, source: str, target: str) -> None:
        if self._object_size(source) is None:
            # What was appended lies in parts, which become one object here.
            self.write(target, self.read(source))
            return
        self.client.copy({"Bucket": self.bucket, "Key": self._key(source)}, self.bucket, self._key(target))

    def link(self, key: str, method: str, seconds: int) -> str | None:
        if method == "GET" and self._object_size(key) is None:
            return None
        call = {"GET": "get_object", "PUT": "put_object"}[method]
        wanted = {"Bucket": self.bucket, "Key": self._key(key)}
        return self.client.generate_presigned_url(call, Params=wanted, ExpiresIn=seconds)
