"""Turns a prepared job into what the launcher starts: command, environment variables and limits."""

import json
import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from app.compute.occupancy import share_of
from app.dialects.arm.variables import GROUP, SUBSCRIPTION
from app.jobs.specification import render_command
from app.kit import crypto
from app.settings import Settings
from workers.containers.container import Container, container_of
from workers.containers.images import Image
from workers.containers.kubernetes.pod import Mark
from workers.execution import parallel, ray
from workers.execution.distribution import MPIRUN, Peer, processes
from workers.execution.folder import JobFolder
from workers.execution.launcher import Launch, Limits
from workers.execution.layers import layer_over, may_install
from workers.execution.prepare import Plan
from workers.execution.services import Service, beside

PROCESSES = Path(__file__).resolve().parent / "guest" / "processes.py"
# Of a job that states none, however many run beside it: the libraries of machine learning map that much.
LEAST_MEMORY = 4 * 2**30
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def launch_of(
    node,
    plan: Plan,
    folder: JobFolder,
    found: Path | Image,
    peers: Sequence[Peer] = (),
    services: Sequence[Service] = (),
) -> Launch:
    """`found` is the interpreter or the container image of the job's environment.

    `peers` are the instances of a job that is distributed, or that has several; `services` are started beside it.
    """
    image = found if isinstance(found, Image) else None
    # Within a container it is the image's path that tells which Python it is.
    python = Path("python3") if image else found
    is_pod = image is not None and image.is_of_pod
    environ = _environ(image.engine.url if is_pod else node.settings.url, plan, folder, python)
    if not image and may_install(plan.command) and "PATH" not in plan.variables:
        python = layer_over(python, folder.guest / "environment")
        environ["PATH"] = f"{python.parent}:{environ['PATH']}"
    command = _command(plan, folder)
    if peers:
        command = _distributed(plan, folder, python, command, environ, peers)
    if services:
        command = beside(command, services, folder, python)
    readable = [Path(port["local"]) for port in plan.inputs.values() if "local" in port]
    readable = [path for path in readable if not path.is_relative_to(folder.guest)]
    limits = _limits(node.settings, plan, node.slots)
    if is_pod:
        # What a slot of this machine has says nothing of a node.
        limits = replace(limits, memory_bytes=plan.spec.get("memory_bytes") or node.settings.job_memory_bytes or None)
    container = image and _container(image, plan, folder, command, environ, limits, readable)
    return Launch(
        name=plan.name,
        command=command,
        python=python,
        folder=folder.guest,
        working_directory=folder.work,
        environ=environ,
        log_path=folder.log,
        limits=limits,
        readable=readable,
        hidden=[Path(node.settings.home).resolve()],
        # A warm process imports packages outside the fence, so only those that we chose.
        warm=bool((plan.environment or {}).get("curated", True)),
        container=container,
    )


def _container(
    image: Image,
    plan: Plan,
    folder: JobFolder,
    command: str,
    environ: dict[str, str],
    limits: Limits,
    readable: Sequence[Path],
) -> Container:
    if "PATH" not in plan.spec.get("environment_variables", {}):
        environ = {name: value for name, value in environ.items() if name != "PATH"}
    # The programs that start several processes, or the mini-batches of a parallel step.
    readable = [*readable, PROCESSES.parent]
    resources = plan.spec.get("resources") or {}
    asked = {"folder": folder, "limits": limits, "devices": plan.devices, "resources": resources, "readable": readable}
    if image.is_of_pod:
        return image.engine.container(image, command, environ, mark=mark_of(image, plan), **asked)
    return container_of(image, command, environ, **asked)


def mark_of(image: Image, plan: Plan) -> Mark:
    return Mark(image.engine.server, plan.job_id, plan.name, plan.attempt, plan.rank, plan.instances)


def is_distributed(plan: Plan) -> bool:
    return plan.instances > 1 or bool(plan.spec.get("distribution"))


def _distributed(
    plan: Plan, folder: JobFolder, python: Path, command: str, environ: dict[str, str], peers: Sequence[Peer]
) -> str:
    """The command that starts all processes of this instance, by mpirun where the job wants MPI and there is one."""
    started = processes(plan.spec, plan.rank, peers)
    distribution = plan.spec.get("distribution") or {}
    if distribution.get("type") == "ray":
        command = ray.command_of(distribution, plan.rank, peers, command)
    is_mpi = distribution.get("type") == "mpi"
    if is_mpi and len(peers) == 1 and python.is_absolute() and shutil.which("mpirun", path=environ["PATH"]):
        environ.update(MPIRUN)
        return f"mpirun -n {len(started)} /bin/bash -c {shlex.quote(command)}"
    if len(started) == 1:
        environ.update(started[0].environ)
        return command
    asked = {
        "command": command,
        "processes": [process.environ for process in started],
        "names": [process.name for process in started],
    }
    path = folder.temporary / "processes.json"
    path.write_text(json.dumps(asked))
    return shlex.join([str(python), "-S", "-E", str(PROCESSES), str(path)])


def _command(plan: Plan, folder: JobFolder) -> str:
    inputs = {name: str(port.get("local", port.get("value", ""))) for name, port in plan.inputs.items()}
    outputs = {name: str(_output(folder, name, port)) for name, port in plan.outputs.items()}
    command = render_command(plan.command, inputs, outputs)
    if asked := plan.spec.get("parallel"):
        types = {name: port.get("type", "") for name, port in plan.inputs.items()}
        key = crypto.sign("parallel", plan.job_id, plan.attempt)
        part = parallel.Part(plan.rank, plan.instances, key)
        leader = parallel.command_of(asked, types, folder.guest, inputs, outputs, part)
        return command.replace(f"python {asked['entry_script']}", leader, 1)
    return command


def _output(folder: JobFolder, name: str, port: dict) -> Path:
    """A folder that is there, or the path of a file that the command makes, as in Azure ML."""
    return folder.outputs / name / name if port.get("type") == "uri_file" else folder.outputs / name


def _environ(url: str, plan: Plan, folder: JobFolder, python: Path) -> dict[str, str]:
    """Built from nothing: what the user asked for, and what lets MLflow find the run."""
    address = f"{url.rstrip('/')}/w/{plan.workspace}"
    return {
        "PATH": f"{python.parent}:{SYSTEM_PATH}",
        "HOME": str(folder.home),
        "TMPDIR": str(folder.temporary),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        **plan.variables,
        "MLFLOW_TRACKING_URI": address,
        "MLFLOW_TRACKING_TOKEN": plan.token,
        "MLFLOW_RUN_ID": plan.name,
        "MLFLOW_EXPERIMENT_ID": str(plan.experiment_id),
        "AZUREML_RUN_ID": plan.name,
        "AZUREML_EXPERIMENT_NAME": plan.experiment,
        "AZUREML_EXPERIMENT_ID": str(plan.experiment_id),
        "AZUREML_ARM_PROJECT_NAME": plan.experiment,
        "AZUREML_ARM_SUBSCRIPTION": SUBSCRIPTION,
        "AZUREML_ARM_RESOURCEGROUP": GROUP,
        "AZUREML_ARM_WORKSPACE_NAME": plan.workspace,
        "AZUREML_NODE_COUNT": str(plan.instances),
        "AZUREML_CR_NODE_RANK": str(plan.rank),
        **{f"AZURE_ML_INPUT_{name}": str(port["local"]) for name, port in plan.inputs.items() if "local" in port},
        **{f"AZURE_ML_OUTPUT_{name}": str(_output(folder, name, port)) for name, port in plan.outputs.items()},
        **({"CUDA_VISIBLE_DEVICES": ",".join(map(str, plan.devices))} if plan.devices else {}),
    }


def memory_limit(settings: Settings, slots: int) -> int:
    """Bytes of what states none."""
    total = psutil.virtual_memory().total
    return settings.job_memory_bytes or max(share_of(total, slots), min(LEAST_MEMORY, share_of(total, 1)))


def _limits(settings: Settings, plan: Plan, slots: int) -> Limits:
    return Limits(
        timeout_seconds=plan.timeout_seconds,
        memory_bytes=plan.spec.get("memory_bytes") or memory_limit(settings, slots),
        disk_bytes=settings.job_disk_bytes,
        processes=plan.spec.get("processes") or settings.job_processes,
        log_bytes=settings.job_log_bytes,
    )
