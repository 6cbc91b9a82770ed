"""Forms with files, as Flask gives them to scripts (`multipart/form-data`, RFC 7578)."""

import io
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PARAMETER = re.compile(r';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))')


class Several(dict):
    """A mapping to the first value of each name; `getlist` has all."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._all: dict[str, list] = {}
        for name, value in pairs:
            self._all.setdefault(name, []).append(value)
        super().__init__({name: values[0] for name, values in self._all.items()})

    def getlist(self, name: str) -> list:
        return list(self._all.get(name, ()))


class File:
    """One that was sent, as scripts know Werkzeug's."""

    def __init__(self, name: str, filename: str, headers: dict[str, str], content: bytes) -> None:
        self.name, self.filename, self.headers, self.stream = name, filename, headers, io.BytesIO(content)
        self.content_length = len(content)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def mimetype(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    def read(self, size: int = -1) -> bytes:
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.stream.seek(offset, whence)

    def save(self, target: Any) -> None:
        """Write it to a path, or to a file that is open."""
        if hasattr(target, "write"):
            shutil.copyfileobj(self.stream, target)
        else:
            Path(target).write_bytes(self.stream.read())


def parts(content_type: str, body: bytes) -> tuple[Several, Several]:
    """Fields and files of a form; none where the body is no such form."""
    kind, found = content_type.partition(";")[0].strip().lower(), _parameters(content_type)
    if kind != "multipart/form-data" or not found.get("boundary"):
        return Several(()), Several(())
    fields, files = [], []
    # The first boundary has no line before it.
    for piece in (b"\r\n" + body).split(b"\r\n--" + found["boundary"].encode("latin-1"))[1:]:
        head, is_part, content = piece.partition(b"\r\n\r\n")
        if piece.startswith(b"--") or not is_part:
            continue
        headers = dict(_header(line) for line in head.decode("utf-8", "replace").split("\r\n") if ":" in line)
        said = _parameters(headers.get("content-disposition", ""))
        name, filename = said.get("name", ""), said.get("filename")
        if filename is None:
            fields.append((name, content.decode("utf-8", "replace")))
        else:
            files.append((name, File(name, filename, headers, content)))
    return Several(fields), Several(files)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _parameters(header: str) -> dict[str, str]:
    found = _PARAMETER.findall(header)
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for name, quoted, plain in found}
