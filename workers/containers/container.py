"""One job's container: the commands that run it, look at it and remove it."""

import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.containers.confinement import asked_options, fenced, gpu_options, mounted, user
from workers.containers.engine import Engine
from workers.containers.images import Image

# What a file of variables can hold; others are given as arguments.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Azure ML runs commands by bash, which small images lack.
BY_SHELL = 'command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"'


@dataclass(frozen=True)
class Container:
    """Whole command lines. `run` prints what the job prints and ends as it does; `look` prints `true` where the kernel
    killed it for its memory, or as JSON the `cause` and `amount` of its outcome. `environ` is that of the command line,
    and holds nothing of the job's. With `keeps_limits` the engine sees to time and memory."""

    run: Sequence[str] = field(repr=False)
    look: Sequence[str]
    remove: Sequence[str]
    environ: Mapping[str, str] = field(repr=False)
    keeps_limits: bool = False

    @classmethod
    def of(cls, engine: Engine, name: str, arguments: Sequence[str]) -> "Container":
        look = [engine.binary, "inspect", "--format", "{{.State.OOMKilled}}", name]
        remove = [engine.binary, "rm", "--force", "--volumes", name]
        return cls([engine.binary, *arguments], look, remove, dict(engine.environ))


def named() -> str:
    return f"atelier-{secrets.token_hex(8)}"


def container_of(
    image: Image,
    command: str,
    environ: Mapping[str, str],
    *,
    folder,
    limits,
    devices: Sequence[int] = (),
    resources: Mapping | None = None,
    readable: Iterable[Path] = (),
) -> Container:
    """`folder` is the job's `JobFolder`, which is given to the user of the container; `readable` may not be written."""
    engine, name = image.engine, named()
    uid, gid = given(folder.guest)
    options = [*fenced(engine, name), "--user", f"{uid}:{gid}", "--pull", "never", "--workdir", str(folder.work)]
    options += mounted(folder.guest, read_only=False)
    for path in dict.fromkeys(readable):
        options += mounted(path, read_only=True)
    if limits.memory_bytes:
        options += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    if limits.processes:
        options += ["--pids-limit", str(limits.processes)]
    options += [*gpu_options(engine, devices), *asked_options(resources or {})]
    options += variables(environ, folder.root / "variables")
    return Container.of(engine, name, [*options, "--entrypoint", "/bin/sh", image.name, "-c", BY_SHELL, "sh", command])


def variables(environ: Mapping[str, str], file: Path) -> list[str]:
    """Options that set them; those of the user by a file, as arguments can be read by everybody on this machine."""
    lines, arguments = [], []
    for name, value in {"PYTHONUNBUFFERED": "1", **environ}.items():
        if name == "CUDA_VISIBLE_DEVICES":
            # The engine lets in the job's devices only, where they count from 0.
            continue
        if _NAME.fullmatch(name) and "\n" not in value and "\r" not in value:
            lines.append(f"{name}={value}\n")
        else:
            arguments += ["--env", f"{name}={value}"]
    file.touch(mode=0o600)
    file.write_text("".join(lines))
    return ["--env-file", str(file), *arguments]


def given(folder: Path) -> tuple[int, int]:
    """Let the user of containers write into a folder; who that is."""
    uid, gid = user()
    if uid != os.getuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
    return uid, gid
