"""Builds each environment once, under the digest of its content."""

import fcntl
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.environments import uv
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec, digest

READY = ".ready.json"
Log = Callable[[str], None]


def find(spec: EnvironmentSpec, root: Path) -> Path | None:
    """The interpreter of an environment that is built already."""
    folder = root / digest(spec)
    python = folder / "bin" / "python"
    return python if (folder / READY).is_file() and python.exists() else None


def build(spec: EnvironmentSpec, root: Path, log: Log, fence: Sequence[str] = ()) -> Path:
    """The interpreter of an environment, built when it is not there yet; `log` gets every line of the build.

    Safe to call from several processes: one builds, the others wait for it. An environment appears under its
    name only when it is whole. `fence` is put before the command that installs. Raises
    EnvironmentBuildFailed, whose message names the package and why.
    """
    if python := find(spec, root):
        return python
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root, digest(spec), log):
        return find(spec, root) or _build(spec, root, log, fence)


@contextmanager
def _locked(root: Path, name: str, log: Log) -> Iterator[None]:
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
        described = {**spec.to_dict(), "seconds": seconds}
        (unfinished / READY).write_text(json.dumps(described, indent=1))
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    log(f"Environment {spec.name} is built, in {seconds} s")
    return target / "bin" / "python"


def _make(spec: EnvironmentSpec, folder: Path, log: Log) -> None:
    status, lines = uv.run(["venv", "--quiet", "--relocatable", "--python", _python(spec, log), str(folder)], log)
    if status:
        raise EnvironmentBuildFailed.of(spec.name, lines)


def _python(spec: EnvironmentSpec, log: Log) -> str:
    """The Python that is asked for if this machine has it, else the one that Atelier runs on."""
    own = uv.base_python()
    running = ".".join(map(str, sys.version_info[:2]))
    if spec.python_version in (None, running):
        return own
    status, lines = uv.run(["python", "find", "--no-project", "--system", spec.python_version], lambda line: None)
    if status == 0 and lines and Path(lines[-1]).exists():
        return lines[-1]
    log(f"Python {spec.python_version} is asked for; this machine has {running}, which is used.")
    return own


def _install(spec: EnvironmentSpec, folder: Path, log: Log, fence: Sequence[str]) -> None:
    if not spec.requirements:
        return
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{requirement}\n" for requirement in spec.requirements))
    # A job may not write here, so bytecode that is not made now would be made again at every import.
    arguments = ["pip", "install", "--python", str(folder / "bin" / "python"), "--compile-bytecode", "-r", str(wanted)]
    status, lines = uv.run([*arguments, *uv.index_options(spec.requirements), *_options(spec)], log, fence)
    if status:
        raise EnvironmentBuildFailed.of(spec.name, lines)


def _options(spec: EnvironmentSpec) -> list[str]:
    """pip's short names of options, as uv writes them."""
    long = {"-i": "--index-url", "-f": "--find-links", "--pre": "--prerelease=allow"}
    return [long.get(option, option) for option in spec.options]
