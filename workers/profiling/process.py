"""Brings the files of a table to this machine and makes their profile, in a fenced process of its own."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.data.files import Lying
from app.data.tabular import Table
from app.datastores.stores import reaching
from app.errors import AtelierError, Invalid
from app.kit.storage import safe_key
from app.settings import PROJECT
from workers.execution.environments import FENCE

MOST_BYTES = 2 << 30
TIMEOUT_SECONDS = 900
_CUT_AT_LINES = ("csv", "tsv", "jsonl")


class NotProfiled(AtelierError):
    status = 503


@dataclass
class _Brought:
    """`readable` is what lies where the fence hides it."""

    files: list[str] = field(default_factory=list)
    readable: list[str] = field(default_factory=list)
    bytes: int = 0
    is_cut: bool = False


def make(there: Lying, table: Table, folder: Path, home: Path) -> dict[str, Any]:
    """The profile; `folder` takes what is copied and what does not fit into memory.

    Raises NotProfiled, and what reading the files raises.
    """
    brought = _bring(there, table, folder)
    wanted = {"files": brought.files, "format": table.format, "options": table.options, "folder": str(folder)}
    answer = _run(wanted, brought.readable, folder, home)
    if "error" in answer:
        raise NotProfiled(answer["error"])
    notes = [*table.notes, *answer["notes"]]
    if brought.is_cut:
        notes.append(f"Only the first {brought.bytes:,} bytes were read, in {len(brought.files)} of its files.")
    told = {"format": table.format, "files": len(brought.files), "all_files": len(table.files), "notes": notes}
    return answer | told | {"is_cut": answer["is_cut"] or brought.is_cut}


def _run(wanted: dict, readable: list[str], folder: Path, home: Path) -> dict[str, Any]:
    fence = [sys.executable, "-S", "-E", str(FENCE), "--write", str(folder), "--hide", str(home)]
    reads = [part for path in readable for part in ("--read", path)]
    command = [*fence, *reads, "--", "nice", sys.executable, "-m", "workers.profiling.profile"]
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, input=json.dumps(wanted), capture_output=True, text=True, cwd=PROJECT, env=environ,
            timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise NotProfiled(f"It was not done after {TIMEOUT_SECONDS // 60} minutes.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise NotProfiled(f"The files could not be read: {last[:500]}")
    return json.loads(done.stdout)


def _bring(there: Lying, table: Table, folder: Path) -> _Brought:
    """Files on this machine's disk stay where they are; of others as much is copied as MOST_BYTES allow."""
    brought = _Brought()
    base = there.files.local_path(there.key) if there.key else None
    if base:
        brought.readable.append(str(base))
    for number, entry in enumerate(table.files):
        is_whole = not entry.path or there.files.size(there.key) is not None
        key = there.key if is_whole else safe_key(there.key, entry.path)
        name = key.rpartition("/")[2] if is_whole else entry.path
        target = _place(folder, number, name)
        if local := there.files.local_path(key) if base else None:
            target.symlink_to(local)
            brought.files.append(str(target))
            continue
        if brought.bytes >= MOST_BYTES:
            brought.is_cut = True
            break
        with reaching(there.path):
            _copy(there, key, table.format, target, brought)
    return brought


def _place(folder: Path, number: int, path: str) -> Path:
    """Where a file goes, under its own path, as folders such as `year=2026` are columns too; without what stands for
    other names."""
    target = folder / "files" / re.sub(r"[*?\[\]]", "_", safe_key(path))
    if target.is_symlink() or target.exists():
        target = target.with_name(f"{number}-{target.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(there: Lying, key: str, format: str, target: Path, brought: _Brought) -> None:
    left = MOST_BYTES - brought.bytes
    with target.open("wb") as file:
        file.writelines(_at_most(there.files.read(key), left + 1))
        size = file.tell()
    if size <= left:
        brought.files.append(str(target))
        brought.bytes += size
        return
    brought.is_cut = True
    if format in _CUT_AT_LINES and target.suffix != ".gz":
        brought.bytes += _cut_last_line(target)
        brought.files.append(str(target))
    elif not brought.files:
        raise Invalid(f"path: a file of this kind is read whole, and it has more than {MOST_BYTES:,} bytes.")


def _at_most(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:most]
        most -= len(chunk)
        if most <= 0:
            return


def _cut_last_line(path: Path) -> int:
    """Shorten a file to whole lines; its size then."""
    with path.open("rb+") as file:
        end = file.seek(0, 2)
        while end > 0:
            start = max(0, end - (1 << 16))
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                file.truncate(start + found + 1)
                return start + found + 1
            end = start
    return path.stat().st_size
