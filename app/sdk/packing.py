"""Packs a file or folder as the server takes it in: a gzipped tar of one file or one folder."""

import gzip
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from app.sdk.errors import BadFile
from app.sdk.ignoring import Ignored


@dataclass(frozen=True)
class Packed:
    files: int
    size_bytes: int


def pack(source: Path, archive: IO[bytes], includes: Iterable[Path] = ()) -> Packed:
    """Write `source` into `archive`, and `includes` beside its files.

    The same files make the same bytes. Raises BadFile for a link that leads out of the folder, for a file that is
    there twice, or for no file at all.
    """
    if not source.exists():
        raise BadFile(f"There is no file or folder {source}.")
    source = source.resolve()
    files = total = 0
    with (
        gzip.GzipFile("", "wb", 3, archive, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", dereference=True) as tar,
    ):
        for path, name in _with_includes(source, includes):
            member = tar.gettarinfo(path, f"{source.name}/{name}" if name else source.name)
            if not member.isreg():
                raise BadFile(
                    f"{path} is no plain file, so it cannot be uploaded. List it in .amlignore to leave it out."
                )
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(member, file)
            files, total = files + 1, total + member.size
    if not files:
        raise BadFile(f"{source} holds no file to upload.")
    return Packed(files, total)


def _with_includes(source: Path, includes: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Files and folders keep their own names beside the files of the folder, as in Azure ML."""
    included = [path.resolve() for path in includes]
    if included and source.is_file():
        raise BadFile(f"additional_includes: {source} is a file; includes go into a folder.")
    taken = set()
    for path, name in chain(_contents(source), *map(_included, included)):
        if name in taken:
            raise BadFile(f"additional_includes: {path} would take the place of another {name}.")
        taken.add(name)
        yield path, name


def _included(path: Path) -> Iterator[tuple[Path, str]]:
    if not path.exists():
        raise BadFile(f"additional_includes: there is no file or folder {path}.")
    for file, name in _contents(path):
        yield file, f"{path.name}/{name}" if name else path.name


def _contents(source: Path) -> Iterator[tuple[Path, str]]:
    if source.is_file():
        yield source, ""
        return
    yield from _walk(source, source, "", Ignored(source), (source,))


def _walk(
    root: Path, folder: Path, prefix: str, ignored: Ignored, above: tuple[Path, ...]
) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        name = prefix + path.name
        if ignored(name, path.is_dir()):
            continue
        target = path.resolve()
        if path.is_symlink() and not target.is_relative_to(root):
            raise BadFile(f"{path} is a link that leads out of {root}, to {target}. Copy it, or list it in .amlignore.")
        if path.is_symlink() and not target.exists():
            raise BadFile(f"{path} is a link to nothing.")
        if not path.is_dir():
            yield path, name
        elif target not in above:
            yield from _walk(root, path, f"{name}/", ignored, (*above, target))
