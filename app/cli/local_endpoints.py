"""Endpoints of `--local`: deployments whose scoring servers run on this machine, without a server of Atelier's.

A folder an endpoint, in it one a deployment; a scoring server goes on after the command that started it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from app.cli.connecting import DEFAULT_HOME, say
from app.errors import Conflict, Invalid, NotFound, Unavailable

ROOT = "local-endpoints"
INVOKE_SECONDS = 180
# What a deployment's own folder holds.
SPEC, STATE, LOG, PROCESS = "deployment.json", "state.json", "log.txt", "pid"


def add_local(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--local", action="store_true", help="on this machine, without a server")


def _root() -> Path:
    return Path(os.environ.get("ATELIER_HOME", DEFAULT_HOME)).expanduser() / ROOT


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.is_file() else {}


def create_endpoint(definition: dict[str, Any]) -> dict:
    """Make an endpoint, or describe it anew. Requests to it need no key."""
    from app.endpoints import names
    from app.endpoints.schemas import EndpointCreate

    if not definition.get("name"):
        raise Invalid("name: it is missing.", target="name")
    new = EndpointCreate.model_validate(definition)
    file = _root() / names.check(new.name) / "endpoint.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    said = new.model_dump(include={"name", "description", "tags", "properties"})
    file.write_text(json.dumps(said | {"created_at": datetime.now(UTC).isoformat()}))
    return endpoint(new.name) | {"warnings": new.warnings()}


def _folder(name: str) -> Path:
    folder = _root() / name
    if not (folder / "endpoint.json").is_file():
        raise NotFound(
            f"There is no local endpoint {name!r}. Make it: atelier online-endpoint create --local -n {name}"
        )
    return folder


def endpoint(name: str) -> dict:
    folder = _folder(name)
    made = deployments(name)
    serving = next((item for item in made if item["scoring_uri"]), {})
    return {
        **_read(folder / "endpoint.json"),
        "auth_mode": "none",
        "provisioning_state": "Succeeded",
        "deployments": [item["name"] for item in made],
        "scoring_uri": serving.get("scoring_uri"),
    }


def endpoints() -> list[dict]:
    return [endpoint(file.parent.name) for file in sorted(_root().glob("*/endpoint.json"))]


def delete_endpoint(name: str) -> None:
    folder = _folder(name)
    for item in deployments(name):
        delete_deployment(name, item["name"])
    shutil.rmtree(folder)


def deployments(endpoint: str) -> list[dict]:
    return [_shown(file.parent) for file in sorted(_folder(endpoint).glob(f"*/{SPEC}"))]


def deployment(endpoint: str, name: str) -> dict:
    return _shown(_deployment(endpoint, name))


def _deployment(endpoint: str, name: str) -> Path:
    folder = _folder(endpoint) / name
    if not (folder / SPEC).is_file():
        known = ", ".join(item["name"] for item in deployments(endpoint)) or "none"
        raise NotFound(f"Local endpoint {endpoint!r} has no deployment {name!r}; it has {known}.", target="name")
    return folder


def _shown(folder: Path) -> dict:
    spec, state = _read(folder / SPEC), _read(folder / STATE)
    if state.get("provisioning_state") == "Succeeded" and _process(folder) is None:
        state = {"provisioning_state": "Failed", "error": "Its scoring server has ended. Deploy it again."}
    address = state.get("address")
    shown = {
        "name": folder.name,
        "endpoint_name": folder.parent.name,
        "provisioning_state": state.get("provisioning_state", "Creating"),
        "error": state.get("error"),
        "scoring_uri": f"http://{address}/score" if address else None,
    }
    return shown | {field: spec.get(field) for field in ("model", "description", "tags", "instance_count")}


def _process(folder: Path) -> int | None:
    """The scoring server's id, which is its group's too; None where it has ended."""
    with suppress(OSError, ValueError):
        pid = int((folder / PROCESS).read_text())
        if str(folder) in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    return None


def delete_deployment(endpoint: str, name: str) -> None:
    folder = _deployment(endpoint, name)
    _end(folder)
    shutil.rmtree(folder)


def _end(folder: Path) -> None:
    if pid := _process(folder):
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def logs(endpoint: str, name: str) -> str:
    file = _deployment(endpoint, name) / LOG
    return file.read_text(errors="replace") if file.is_file() else ""


def invoke(endpoint: str, body: bytes, name: str | None = None) -> bytes:
    """Raises NotFound where nothing serves, and Invalid with what the scoring server says of a request."""
    made = [deployment(endpoint, name)] if name else deployments(endpoint)
    serving = [item for item in made if item["scoring_uri"]]
    if not serving:
        raise NotFound(f"No deployment of local endpoint {endpoint!r} serves.", target="name")
    if len(serving) > 1:
        known = ", ".join(item["name"] for item in serving)
        raise Conflict(f"Local endpoint {endpoint!r} has {known}: say which by --deployment-name.")
    request = Request(serving[0]["scoring_uri"], body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=INVOKE_SECONDS) as answer:
            return answer.read()
    except HTTPError as error:
        raise Invalid(error.read().decode(errors="replace") or str(error)) from error
    except (URLError, OSError) as error:
        raise Unavailable(f"{serving[0]['scoring_uri']} does not answer: {error}") from error


def deploy(definition: dict[str, Any], folder: Path, connect: Callable[[], Any]) -> dict:
    """Serve a deployment from now on; `connect` reaches a server for assets that are registered there."""
    from app.cli import local_files

    spec, warnings = local_files.read(definition, folder)
    own = _folder(spec["endpoint_name"]) / spec["name"]
    _end(own)
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    (own / SPEC).write_text(json.dumps(local_files.fetched(spec, own, connect)))
    for warning in warnings:
        say(f"Warning: {warning}")
    done = subprocess.run([sys.executable, "-m", "workers.serving.local", str(own)], check=False, stdout=sys.stderr)
    if done.returncode and not (own / STATE).is_file():
        raise Unavailable(f"The deployment could not be started: exit status {done.returncode}.")
    return _shown(own)
