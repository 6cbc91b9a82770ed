"""Signing in to a container registry for one command, without the credentials being kept anywhere.

Source: the `config.json` of Docker's command line, which Podman reads as its `--authfile`.
"""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.containers.engine import Engine

DOCKER_HUB = "docker.io"
# Under which Docker itself keeps the login at its own registry.
_HUB_KEY = "https://index.docker.io/v1/"


def host_of(image: str) -> str:
    """The registry that an image is pulled from, as host and port."""
    first, is_deeper, _ = image.partition("/")
    is_host = is_deeper and ("." in first or ":" in first or first == "localhost")
    return first.lower() if is_host else DOCKER_HUB


@contextmanager
def signed_in(engine: Engine, host: str, login: tuple[str, str] | None) -> Iterator[tuple[list[str], list[str]]]:
    """The options before and after the command by which it signs in; none without a login."""
    if login is None:
        yield [], []
        return
    key = _HUB_KEY if host == DOCKER_HUB and engine.kind == "docker" else host
    auth = base64.b64encode(":".join(login).encode()).decode()
    with tempfile.TemporaryDirectory(prefix="registry-") as folder:
        file = Path(folder, "config.json")
        file.touch(mode=0o600)
        file.write_text(json.dumps({"auths": {key: {"auth": auth}}}))
        yield ([], ["--authfile", str(file)]) if engine.kind == "podman" else (["--config", folder], [])
