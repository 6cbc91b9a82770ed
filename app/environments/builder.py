"""Builds each environment once, under the digest of its content."""

import fcntl
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from app.environments import pythons, uv
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec, digest

READY = ".ready.json"
_DISTRIBUTION = re.compile(r"([\w.]+)-([^-]+)\.dist-info")
Log = Callable[[str], None]
Record = Callable[[EnvironmentSpec], AbstractContextManager[Log | None]]


def find(spec: EnvironmentSpec, root: Path) -> Path | None:
    """The interpreter of an environment that is built already."""
    folder = root / digest(spec)
    python = folder / "bin" / "python"
    return python if (folder / READY).is_file() and python.exists() else None


def packages(folder: Path) -> list[list[str]]:
    """Name and exact version of everything that is installed in an environment, by name."""
    found = [_DISTRIBUTION.fullmatch(item.name) for item in folder.glob("lib/python*/site-packages/*")]
    return sorted(([item[1].replace("_", "-"), item[2]] for item in found if item), key=lambda item: item[0].lower())


def contents(folder: Path) -> dict:
    """What is kept of a build: `packages`, and `python_version`, which need not be the one that was asked for."""
    found = re.search(r"^version(?:_info)?\s*=\s*([\d.]+)", (folder / "pyvenv.cfg").read_text(), re.MULTILINE)
    return {"packages": packages(folder), "python_version": found[1] if found else None}


def build(spec: EnvironmentSpec, root: Path, log: Log, fence: Sequence[str] = (), record: Record | None = None) -> Path:
    """The interpreter of an environment, built when it is not there yet; `log` gets every line of the build.

    Safe to call from several processes: one builds, the others wait for it. An environment appears under its
    name only when it is whole. `fence` is put before the command that installs. `record` is entered by the one that
    builds, and may give a second log; it leaves with the error. Raises EnvironmentBuildFailed, whose message names
    the package and why.
    """
    if python := find(spec, root):
        return python
    root.mkdir(parents=True, exist_ok=True)
    with locked(root, digest(spec), log):
        if python := find(spec, root):
            return python
        with record(spec) if record else nullcontext() as second:
            return _build(spec, root, _both(log, second), fence)


def _both(log: Log, second: Log | None) -> Log:
    def both(line: str) -> None:
        log(line)
        if second is not None:
            second(line)

    return both


@contextmanager
def locked(root: Path, name: str, log: Log) -> Iterator[None]:
    """The lock is the kernel's, so a builder that dies lets it go."""
    with (root / f".{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log("Another process builds this environment; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(spec: EnvironmentSpec, root: Path, log: Log, fence: Sequence[str]) -> Path:
    started = time.monotonic()
    target, unfinished = root / digest(spec), root / f".{digest(spec)}.unfinished"
    for left in (target, unfinished):
        shutil.rmtree(left, ignore_errors=True)
    log(f"Building environment {spec.name} ({len(spec.requirements)} packages asked for)")
    for note in spec.notes:
        log(note)
    try:
        _make(spec, unfinished, log)
        _install(spec, unfinished, log, fence)
        seconds = round(time.monotonic() - started, 1)
        described = {**spec.to_dict(), "seconds": seconds, **contents(unfinished)}
        (unfinished / READY).write_text(json.dumps(described, indent=1))
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    log(f"Environment {spec.name} is built, in {seconds} s")
    return target / "bin" / "python"


def _make(spec: EnvironmentSpec, folder: Path, log: Log) -> None:
    python = pythons.choose(spec.python_version, folder.parent, log)
    status, lines = uv.run(["venv", "--quiet", "--relocatable", "--python", python, str(folder)], log)
    if status:
        raise EnvironmentBuildFailed.of(spec.name, lines)


def _install(spec: EnvironmentSpec, folder: Path, log: Log, fence: Sequence[str]) -> None:
    if not spec.requirements:
        return
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{requirement}\n" for requirement in spec.requirements))
    # A job may not write here, so bytecode that is not made now would be made again at every import.
    arguments = ["pip", "install", "--python", str(folder / "bin" / "python"), "--compile-bytecode", "-r", str(wanted)]
    status, lines = uv.run([*arguments, *uv.index_options(spec.requirements), *options(spec)], log, fence)
    if status:
        raise EnvironmentBuildFailed.of(spec.name, lines)


def options(spec: EnvironmentSpec) -> list[str]:
    """pip's short names of options, as uv writes them."""
    long = {"-i": "--index-url", "-f": "--find-links", "--pre": "--prerelease=allow"}
    return [long.get(option, option) for option in spec.options]
