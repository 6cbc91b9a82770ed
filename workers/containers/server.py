"""The container of a deployment whose image brings a server of its own."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.errors import Unavailable
from workers.containers.confinement import SHARED_MEMORY, fenced, gpu_options, mounted
from workers.containers.container import Container, named, variables
from workers.containers.images import Image

PROCESSES = 4096
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """`routes` are `liveness_route`, `readiness_route` and `scoring_route`, each with `port` and `path`.

    `mounts` are read only: what lies outside, and where it lies inside. `devices` are numbers of GPUs.
    """

    image: Image
    routes: Mapping[str, Mapping[str, Any]]
    mounts: tuple[tuple[Path, str], ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    devices: tuple[int, ...] = ()

    @property
    def ports(self) -> list[int]:
        return sorted({route["port"] for route in self.routes.values()})

    def outside(self) -> dict[int, int]:
        """By port inside, the one of this machine's loopback; raises Unavailable where it is in use.

        They are the same where the engine has no network of its own for containers.
        """
        if self.image.engine.has_bridge:
            return {port: _free_port() for port in self.ports}
        for port in self.ports:
            _check_free(port)
        return {port: port for port in self.ports}

    def container(self, outside: Mapping[int, int], folder: Path, memory_bytes: int | None) -> Container:
        """`folder` takes the variables. It runs as the image's own user, and what the image starts by itself."""
        engine, name = self.image.engine, named()
        options = fenced(engine, name, own_network=engine.has_bridge)
        options += ["--pull", "never", "--shm-size", SHARED_MEMORY, "--pids-limit", str(PROCESSES)]
        if engine.has_bridge:
            for port, other in outside.items():
                options += ["--publish", f"{LOOPBACK}:{other}:{port}"]
        for path, target in self.mounts:
            options += mounted(path, read_only=True, target=target)
        if memory_bytes:
            options += ["--memory", str(memory_bytes), "--memory-swap", str(memory_bytes)]
        options += gpu_options(engine, self.devices)
        options += variables(self.environ, folder / "variables")
        return Container.of(engine, name, [*options, self.image.name])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return found.getsockname()[1]


def _check_free(port: int) -> None:
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((LOOPBACK, port))
        except OSError as error:
            raise Unavailable(
                f"Port {port}, which the image listens on, is in use on this machine, and its container engine has no "
                "network of its own for containers.",
                target="environment.inference_config",
            ) from error
