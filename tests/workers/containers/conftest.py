"""A container engine, where this machine has one or can start one, and an image of this machine's own shell."""

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.workers.execution.guests import wait_until
from workers.containers import engine as engines
from workers.containers.engine import Engine

IMAGE = "atelier-test/shell:1"
PROGRAMS = ("sh", "cat", "id", "sleep", "touch", "tail")


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    found = engines.find("docker")
    if found:
        yield _with_image(found)
        return
    # No network of its own and no rule of a firewall is made: containers share this machine's network.
    daemon = shutil.which("dockerd")
    if daemon is None or os.getuid():
        pytest.skip("no Docker engine answers, and none can be started")
    folder = tmp_path_factory.mktemp("docker")
    address = f"unix://{folder}/docker.sock"
    options = ["--iptables=false", "--bridge=none", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([daemon, *options, "--pidfile", f"{folder}/pid", "-H", address], stderr=log)
    patch = pytest.MonkeyPatch()
    patch.setenv("DOCKER_HOST", address)
    try:
        wait_until(lambda: process.poll() is not None or engines.find("docker"), seconds=20)
        found = engines.find("docker")
        if found is None:
            pytest.skip(f"dockerd does not start here: {(folder / 'log').read_text()[-300:]}")
        yield _with_image(found)
    finally:
        patch.undo()
        process.terminate()
        process.wait(20)
        # The daemon leaves it mounted, and then the folder cannot be removed.
        subprocess.run(["umount", f"{folder}/exec/netns/default"], stderr=subprocess.DEVNULL, check=False)


def _with_image(engine: Engine) -> Engine:
    imported(engine, IMAGE, PROGRAMS)
    return engine


def imported(engine: Engine, image: str, programs: Sequence[str], *more: Path, starts: Sequence[str] = ()) -> None:
    """Make an image of programs and folders of this machine, unless there is one."""
    if engine.image_id(image) is None:
        command = [engine.binary, "import", "--change", f"CMD {json.dumps(starts)}", "-", image]
        held = files(programs, more)
        subprocess.run(command, input=held, check=True, env=dict(engine.environ), capture_output=True)


def files(programs: Sequence[str] = PROGRAMS, more: Sequence[Path] = ()) -> bytes:
    """A shell, a few programs and the libraries that they load."""
    paths = [Path(shutil.which(name) or "") for name in programs]
    listed = subprocess.run(["ldd", *map(str, paths)], capture_output=True, text=True, check=False).stdout
    libraries = {Path(name) for name in re.findall(r"(/\S+\.so[\d.]*)", listed)}
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for path in (*paths, *sorted(libraries)):
            name = f"bin/{path.name}" if path in paths else str(path).lstrip("/")
            tar.add(path.resolve(), name)
        for path in more:
            tar.add(path, str(path).lstrip("/"))
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    return held.getvalue()
