"""Finds the Python that an environment asks for: on this machine, else fetched by uv, else the nearest."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from app.environments import uv

# uv asks a server that does not answer no longer than this.
PATIENCE = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}


def choose(wanted: str | None, root: Path, log: Callable[[str], None]) -> str:
    """An interpreter of the version `wanted`, such as 3.9; what uv fetches is kept below `root`.

    Where it can be had nowhere, `log` is told which one is taken instead.
    """
    own, running = uv.base_python(), ".".join(map(str, sys.version_info[:2]))
    if wanted in (None, running):
        return own
    kept = {"UV_PYTHON_INSTALL_DIR": str(root / ".pythons")}
    if found := _find(wanted, kept):
        return found
    log(f"Python {wanted} is not on this machine; fetching it")
    uv.run(
        ["python", "install", "--no-bin", wanted],
        lambda line: None,
        environ=kept | PATIENCE | {"UV_PYTHON_DOWNLOADS": "automatic"},
    )
    if found := _find(wanted, kept):
        return found
    version, path = _nearest(wanted, kept) or (running, own)
    if version.startswith(f"{running}."):
        version, path = running, own
    log(f"Python {wanted} could not be fetched; this machine's nearest, {version}, is used instead.")
    return path


def _find(wanted: str, kept: dict[str, str]) -> str | None:
    status, lines = uv.run(["python", "find", "--no-project", "--system", wanted], lambda line: None, environ=kept)
    return lines[-1] if status == 0 and lines and Path(lines[-1]).exists() else None


def _nearest(wanted: str, kept: dict[str, str]) -> tuple[str, str] | None:
    """Version and path of the installed Python that is least far from `wanted`, the newer of two."""
    command = ["python", "list", "--only-installed", "--output-format", "json"]
    _, lines = uv.run(command, lambda line: None, environ=kept)
    listed = next((line for line in lines if line.startswith("[")), "[]")
    minor = int(wanted.split(".")[1]) if wanted.count(".") and wanted.split(".")[1].isdigit() else 0
    known = [item for item in json.loads(listed) if item["version_parts"]["major"] == sys.version_info.major]
    known = [item for item in known if item["implementation"] == "cpython" and "/shims/" not in item["path"]]
    best = min(known, key=lambda item: _distance(item["version_parts"]["minor"], minor), default=None)
    return (best["version"], best["path"]) if best else None


def _distance(minor: int, wanted: int) -> tuple[int, int]:
    return abs(minor - wanted), -minor
