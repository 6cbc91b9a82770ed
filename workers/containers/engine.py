"""The container engine of this machine: Docker or Podman, through its command line.

Source: the references of the `docker` and `podman` command lines, whose commands used here are the same in both.
"""

import logging
import os
import re
import select
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

log = logging.getLogger(__name__)
KINDS = ("docker", "podman")
LABEL = "atelier.worker"
IMAGE_LABEL = "atelier.image"
KEPT_HOURS = 30 * 24
ANSWER_SECONDS = 20
REMOVE_SECONDS = 60
# What the command line itself needs of the worker's environment variables; a job's are never among them.
KEPT = re.compile(
    r"(?i)PATH|HOME|USER|LANG|LC_.*|TMPDIR|XDG_.*|DOCKER_.*|BUILDKIT_.*|CONTAINERS?_.*|REGISTRY_AUTH_FILE|STORAGE_.*"
    r"|(?:https?|all|no)_proxy"
)
_VERSION = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("info", "--format", "{{.Version.Version}}"),
}
# Podman's are not on the path, and it has them as packages of their own.
_INITS = ("/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit", "/usr/bin/catatonit")


_SOCKETS = (
    *("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"),
    *("/run/containerd/containerd.sock", "/run/crio/crio.sock"),
)


@dataclass(frozen=True)
class Engine:
    """`owner` marks the containers of this worker. `environ` is that of the command line."""

    kind: str
    binary: str
    version: str
    owner: str
    environ: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.kind} {self.version}"

    @property
    def has_init(self) -> bool:
        """Whether it brings a first process that passes signals on and reaps orphans."""
        return self.kind == "docker" or any(Path(path).exists() for path in _INITS)

    @cached_property
    def has_bridge(self) -> bool:
        """Whether containers can have a network of their own, with ports that are published on this machine."""
        return self.kind == "podman" or self.answer("network", "inspect", "bridge") is not None

    def answer(self, *arguments: str, timeout: float = ANSWER_SECONDS) -> str | None:
        """What a command prints; None where it fails or takes for ever."""
        return _answer([self.binary, *arguments], self.environ, timeout)

    def stream(self, arguments: Sequence[str], say: Callable[[str], None], must_stop: Callable[[], bool]) -> int | None:
        """Run a command and pass on each line that it prints; its exit status, None where it had to stop."""
        process = subprocess.Popen(
            [self.binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self.environ),
            start_new_session=True,
        )
        try:
            return _pass_on(process, say, must_stop)
        finally:
            if process.poll() is None:
                process.kill()
            process.stdout.close()
            process.wait()

    def image_id(self, image: str) -> str | None:
        """The id of an image that is on this machine."""
        return self.answer("image", "inspect", "--format", "{{.Id}}", image)

    def remove(self, *containers: str) -> None:
        if containers:
            self.answer("rm", "--force", "--volumes", *containers, timeout=REMOVE_SECONDS)

    def remove_left(self) -> None:
        """Remove the containers of workers of this machine that are gone: they were killed with their supervisors."""
        shown = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
        listed = self.answer("ps", "--all", "--filter", f"label={LABEL}", "--format", shown)
        pairs = [line.split() for line in (listed or "").splitlines()]
        left = [pair[0] for pair in pairs if len(pair) == 2 and not _is_alive(pair[1])]
        if left:
            log.info("removing %d containers that workers left", len(left))
            self.remove(*left)

    def duties(self) -> list[tuple[str, float, Callable[[], None]]]:
        """What a worker does for it all the time: name, every how many seconds, what."""
        return [("left containers", 60, self.remove_left), ("old images", 86_400, self.remove_old_images)]

    def remove_old_images(self) -> None:
        """Remove what was built for jobs a month ago; it is built again where it is wanted."""
        unwanted = ("--all", "--force", "--filter", f"label={IMAGE_LABEL}", "--filter", f"until={KEPT_HOURS}h")
        self.answer("image", "prune", *unwanted, timeout=600)


def find(choice: str) -> Engine | None:
    """The engine that answers, of those that the setting `containers` allows."""
    if choice == "off":
        return None
    environ = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    environ |= {"BUILDKIT_PROGRESS": "plain", "NO_COLOR": "1"}
    for kind in KINDS if choice == "auto" else (choice,):
        binary = shutil.which(kind)
        version = _answer([binary, *_VERSION[kind]], environ, ANSWER_SECONDS) if binary else None
        if version and version[0].isdigit():
            if kind == "docker" and "DOCKER_HOST" not in environ:
                # Said once, as a command that signs in to a registry has a configuration of its own.
                host = _answer([binary, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], environ, 20)
                environ |= {"DOCKER_HOST": host} if host else {}
            return Engine(kind, binary, version, _owner(), environ)
    if choice != "auto":
        log.warning("containers is %s, but no such engine answers: jobs run in environments of this machine", choice)
    return None


def engine_sockets() -> list[str]:
    """The sockets of engines that this process may speak to, and so its guests could."""
    user = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    own = [f"{user}/docker.sock", f"{user}/podman/podman.sock"]
    said = [os.environ.get(name, "").removeprefix("unix://") for name in ("DOCKER_HOST", "CONTAINER_HOST")]
    found = {os.path.realpath(path) for path in (*_SOCKETS, *own, *said) if path.startswith("/")}
    return sorted(path for path in found if Path(path).is_socket() and os.access(path, os.W_OK))


def _answer(command: Sequence[str], environ: Mapping[str, str], timeout: float) -> str | None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=timeout, check=False, env=dict(environ),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _pass_on(process: subprocess.Popen, say: Callable[[str], None], must_stop: Callable[[], bool]) -> int | None:
    left = b""
    while True:
        if must_stop():
            return None
        if not select.select([process.stdout], [], [], 0.2)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        *lines, left = (left + data).replace(b"\r", b"\n").split(b"\n")
        for line in (*lines, *([left] if not data else [])):
            if line.strip():
                say(line.decode(errors="replace").rstrip())
        if not data:
            return process.wait()


def _owner() -> str:
    """This process, told from a later one of the same number by when it began."""
    return f"{os.getpid()}-{int(psutil.Process().create_time())}"


def _is_alive(owner: str) -> bool:
    pid, _, began = owner.partition("-")
    try:
        return int(psutil.Process(int(pid)).create_time()) == int(began)
    except (psutil.Error, ValueError):
        return False
