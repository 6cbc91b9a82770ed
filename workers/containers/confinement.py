"""What a container may do and use: the options of `run` that are the same for jobs and for building layers."""

import os
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.jobs.specification.docker_arguments import docker_options
from workers.containers.engine import LABEL, Engine

# Whom the processes of a container are outside of it, where the worker itself is root.
NOBODY = 65534
# Open files and threads, which Podman itself may hand on.
MOST = 32_768
SHARED_MEMORY = "2g"


def fenced(engine: Engine, name: str, *, own_network: bool = False) -> list[str]:
    """No capabilities, none to be gained, and the network of this machine, on which the server may be.

    With `own_network` only what is published of its ports can be reached.
    """
    options = ["run", "--name", name, "--label", f"{LABEL}={engine.owner}"]
    options += [] if own_network else ["--network", "host"]
    options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--log-driver", "none"]
    if engine.has_init:
        options.append("--init")
    if engine.kind == "podman":
        options += _own_limits()
        if os.getuid():
            options += ["--userns", "keep-id"]
    return options


def _own_limits() -> list[str]:
    """Podman asks for more than a worker may have, unless it is told."""
    found = []
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(kind)[1]
        most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
        found += ["--ulimit", f"{name}={most}:{most}"]
    return found


def user() -> tuple[int, int]:
    return (os.getuid(), os.getgid()) if os.getuid() else (NOBODY, NOBODY)


def mounted(path: Path, *, read_only: bool, target: str | None = None) -> list[str]:
    """At the same path as outside, where no other is given."""
    return ["--mount", f"type=bind,source={path},target={target or path}{',readonly' if read_only else ''}"]


def gpu_options(engine: Engine, devices: Sequence[int]) -> list[str]:
    if engine.kind == "podman":
        return [option for device in devices for option in ("--device", f"nvidia.com/gpu={device}")]
    numbers = ",".join(map(str, devices))
    return ["--gpus", f'"device={numbers}"'] if devices else []


def asked_options(resources: Mapping[str, Any]) -> list[str]:
    """What `resources.docker_args` and `shm_size` ask for that lets a job out of nothing."""
    taken = docker_options(resources)
    if "--shm-size" not in taken:
        taken += ["--shm-size", str(resources.get("shm_size") or SHARED_MEMORY)]
    return taken
