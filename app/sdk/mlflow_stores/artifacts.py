"""Reads artifacts where MLflow left them: folders, S3, or `mlflow-artifacts:` relative to a folder."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from app.sdk.mlflow_stores.layout import local_path
from app.sdk.mlflow_stores.records import ARTIFACTS, SPANS_FILE, Record, Unreadable

CHUNK = 1 << 20
# `experiment/traces/trace/artifacts` is the longest end of an address that MLflow makes below its root.
_LONGEST, _SHORTEST = 4, 2


@dataclass(frozen=True)
class StoredFile:
    """`path` is relative to the artifacts' folder. `chunks` reads the content piece by piece.

    `content_digest` is the header of that name (RFC 9530), where the content's digest is known.
    """

    path: str
    size: int
    chunks: Callable[[], Iterator[bytes]]
    content_digest: str = ""


class Artifacts:
    """`root` is the folder (or `s3://…`) below which the store keeps artifacts, where addresses do not say it."""

    def __init__(self, root: str | None) -> None:
        self._root = root.rstrip("/") if root else None

    def files_of(self, record: Record) -> Iterator[StoredFile]:
        """Those of a run, logged model, trace or model version, without the spans of a trace. Raises Unreadable."""
        location = location_of(record)
        is_trace = "trace_info" in record
        for file in self.files(location) if location else ():
            if not (is_trace and file.path == SPANS_FILE):
                yield file

    def files(self, location: str) -> Iterator[StoredFile]:
        """Every file below an address. Raises Unreadable with the reason when it cannot be reached."""
        scheme = urlparse(location).scheme
        if scheme == "mlflow-artifacts":
            location = self._below_root(location)
            scheme = urlparse(location).scheme
        if scheme == "s3":
            return _s3(location)
        folder = local_path(location)
        if folder is None:
            raise Unreadable(f"artifacts at {scheme}: addresses cannot be read; local folders and s3:// can")
        return _local(folder if folder.is_dir() else self._moved(folder))

    def _below_root(self, location: str) -> str:
        if self._root is None:
            raise Unreadable(
                "its artifacts are at an mlflow-artifacts: address: say with --artifacts-root which folder (or s3:// "
                "address) `mlflow server` served them from"
            )
        return f"{self._root}/{unquote(urlparse(location).path).strip('/')}"

    def _moved(self, folder: Path) -> Path:
        """The same artifacts in another root, found by the end of their address."""
        root = local_path(self._root) if self._root else None
        for length in range(_LONGEST, _SHORTEST - 1, -1):
            if root and len(folder.parts) > length:
                found = root.joinpath(*folder.parts[-length:])
                if found.is_dir():
                    return found
        if root is None and not folder.parents[min(2, len(folder.parents) - 1)].is_dir():
            raise Unreadable(
                f"the folder of its artifacts, {folder}, is not on this machine: say with --artifacts-root where "
                "artifacts lie now"
            )
        # MLflow makes the folder with the first file.
        return folder


def location_of(record: Record) -> str | None:
    if "trace_info" in record:
        return record["trace_info"].get("tags", {}).get(ARTIFACTS)
    return record.get("info", record).get("artifact_uri")


def _local(folder: Path) -> Iterator[StoredFile]:
    own = folder.resolve()
    for parent, names, found in os.walk(folder):
        names.sort()
        for name in sorted(found):
            file = Path(parent, name)
            if not file.resolve().is_relative_to(own):
                raise Unreadable(f"{file} is a link to a place outside of its artifacts")
            size = file.stat().st_size
            yield StoredFile(file.relative_to(folder).as_posix(), size, partial(_read, file, size))


def _read(file: Path, size: int) -> Iterator[bytes]:
    """As many bytes as were announced, of a file that may grow meanwhile."""
    with file.open("rb") as opened:
        while size > 0:
            chunk = opened.read(min(CHUNK, size))
            if not chunk:
                raise OSError(f"{file} became shorter while it was read")
            size -= len(chunk)
            yield chunk


def _s3(location: str) -> Iterator[StoredFile]:
    """With the credentials that boto3 finds by itself, at MLFLOW_S3_ENDPOINT_URL where that is set."""
    client = _s3_client()
    parsed = urlparse(location)
    prefix = parsed.path.strip("/") + "/"
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=parsed.netloc, Prefix=prefix)
    try:
        for page in pages:
            for one in page.get("Contents", ()):
                if not one["Key"].endswith("/"):
                    yield StoredFile(
                        one["Key"].removeprefix(prefix),
                        one["Size"],
                        partial(_s3_read, client, parsed.netloc, one["Key"]),
                    )
    except _s3_errors() as error:
        raise Unreadable(f"{location} cannot be read: {error}") from error


def _s3_read(client: Any, bucket: str, key: str) -> Iterator[bytes]:
    return client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK)


def _s3_client() -> Any:
    try:
        import boto3
    except ImportError:
        raise Unreadable("artifacts on S3 need boto3: install it with `pip install atelier[s3]`") from None
    return boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))


def _s3_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError
