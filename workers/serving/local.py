"""Serves a deployment on this machine without a server of Atelier's: python -m workers.serving.local FOLDER.

The folder has `deployment.json`; `state.json`, `log.txt` and `pid` are written. The scoring server goes on when
this ends, which is once it serves (exit status 0) or cannot (1).
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.environments import builder, curated, references, resolving
from app.environments.specification import EnvironmentSpec
from app.errors import AtelierError, Invalid
from app.settings import current
from workers.serving.instance import SERVER, InstanceSpec, Probe
from workers.serving.process import describe_exit, error_in

LOOK_SECONDS = 0.2


def environment_of(given: str | dict[str, Any] | None) -> EnvironmentSpec:
    """Raises Invalid for an image that nothing stands in for."""
    if given is None:
        return EnvironmentSpec.curated()
    if isinstance(given, str):
        return _curated(given, curated.stand_in(references.parse(given).name))
    if given.get("conda_file"):
        return resolving.of_conda(given["conda_file"], given.get("image"))
    return _curated(given["image"], curated.of_image(given["image"]))


def _curated(wanted: str, name: str | None) -> EnvironmentSpec:
    if name is None:
        raise Invalid(f"environment: nothing stands in for {wanted} here; give a conda_file.", target="environment")
    return replace(EnvironmentSpec.curated(name=name), notes=(f"Environment {name} serves for {wanted}.",))


def instance_of(wanted: dict[str, Any], folder: Path, python: Path) -> InstanceSpec:
    model, code = wanted["model"] or {}, wanted["code_configuration"] or {}
    settings = wanted["request_settings"]
    place, root = _places(Path(model["path"]), folder) if model else (None, None)
    return InstanceSpec(
        name=wanted["name"],
        python=python,
        folder=folder,
        model_folder=place,
        model_root=root,
        kind=model.get("type", "custom_model"),
        code_folder=Path(code["code"]) if code else None,
        scoring_script=code.get("scoring_script"),
        environ=wanted["environment_variables"],
        request_timeout_ms=settings["request_timeout_ms"],
        max_concurrent=settings["max_concurrent_requests_per_instance"],
        max_queue_wait_ms=settings["max_queue_wait_ms"],
        readiness_probe=wanted["readiness_probe"],
    )


def _places(model: Path, folder: Path) -> tuple[Path, Path]:
    """The model's folder and AZUREML_MODEL_DIR, below which Azure ML keeps the name of the folder or file."""
    if model.is_dir():
        return model, model.parent
    alone = folder / "model-file"
    alone.mkdir(exist_ok=True)
    (alone / model.name).symlink_to(model)
    return alone, alone


def start(instance: InstanceSpec) -> subprocess.Popen:
    # No key: it listens on loopback only, as a container of Azure's would.
    instance.write_config("", 0, watch_stdin=False)
    with instance.log_path.open("ab") as log:
        process = subprocess.Popen(
            [str(instance.python), str(SERVER), "--config", str(instance.config_path)],
            cwd=instance.working_directory,
            env=instance.full_environ(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (instance.folder / "pid").write_text(str(process.pid))
    return process


def wait(instance: InstanceSpec, process: subprocess.Popen) -> dict[str, Any]:
    """Until it serves, has ended or takes longer than its readiness probe allows."""
    probe = Probe.of(instance.readiness_probe)
    late = time.monotonic() + probe.initial_delay + probe.period * probe.failure_threshold
    while (code := process.poll()) is None:
        if instance.address_path.is_file():
            address = instance.address_path.read_text()
            if _is_ready(address):
                return {"provisioning_state": "Succeeded", "address": address}
        if time.monotonic() > late:
            process.kill()
            return _failed("The model was not loaded in time.")
        time.sleep(LOOK_SECONDS)
    return _failed(error_in(instance.log_path, 0) or describe_exit(code))


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/ready", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _failed(error: str) -> dict[str, Any]:
    return {"provisioning_state": "Failed", "error": error}


def serve(folder: Path) -> dict[str, Any]:
    wanted = json.loads((folder / "deployment.json").read_text())
    try:
        spec = environment_of(wanted["environment"])
        for note in spec.notes:
            print(note, flush=True)
        python = builder.build(spec, current().environments_folder.resolve(), lambda line: print(line, flush=True))
        instance = instance_of(wanted, folder, python)
        return wait(instance, start(instance))
    except AtelierError as error:
        return _failed(error.message)


def main() -> int:
    folder = Path(sys.argv[1])
    state = serve(folder)
    (folder / "state.json").write_text(json.dumps(state))
    return 0 if state["provisioning_state"] == "Succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
