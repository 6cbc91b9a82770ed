"""The pod of a job, and what goes with it: its variables, logins at registries, and the name of several instances.

Source: kubernetes.io/docs/reference/kubernetes-api, `Pod` v1.
"""

import base64
import json
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.errors import Invalid
from app.jobs.specification.docker_arguments import docker_options
from app.jobs.specification.resources import size_in_bytes
from workers.containers.confinement import SHARED_MEMORY, user
from workers.containers.kubernetes.status import CONTAINER

SERVER, JOB, ATTEMPT, RANK = (f"atelier/{word}" for word in ("server", "job", "attempt", "instance"))
VOLUME = "atelier"
# What a Secret can hold; names of variables beyond that are nobody's.
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True)
class Mark:
    """Which instance of which job a container is of. `server` tells servers that share a cluster from each other."""

    server: str
    job_id: int
    name: str
    attempt: int
    rank: int = 0
    instances: int = 1

    @property
    def labels(self) -> dict[str, str]:
        return {
            "app.kubernetes.io/managed-by": "atelier",
            SERVER: self.server,
            JOB: str(self.job_id),
            ATTEMPT: str(self.attempt),
            RANK: str(self.rank),
        }

    @property
    def group(self) -> str:
        """The name below which the cluster's DNS knows the instances."""
        return f"atelier-{self.server[:8]}-{self.job_id}-{self.attempt}"

    def address(self) -> str:
        return f"instance-{self.rank}.{self.group}"


@dataclass(frozen=True)
class Shared:
    """Where the folders of this machine are seen by pods: `claim` is mounted here at `root`, or, where it is empty,
    nodes have what this machine has at the same paths."""

    claim: str
    root: Path


@dataclass(frozen=True)
class Wanted:
    """All that a pod is made of. `template` is the operator's: a pod whose fields hold where ours say nothing."""

    mark: Mark
    image: str
    shell: Sequence[str] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    work: Path
    root: Path
    writable: Path
    readable: Iterable[Path]
    memory_bytes: int | None
    gpus: int
    gpu_resource: str
    resources: Mapping[str, Any]
    deadline_seconds: float | None
    template: Mapping[str, Any]
    shared: Shared
    login: tuple[str, str, str] | None = field(default=None, repr=False)


def manifests(wanted: Wanted) -> tuple[dict, list[tuple[str, dict]]]:
    """The pod, and what is made before it; raises Invalid for a variable that no pod can have."""
    name = f"atelier-{_slug(wanted.mark.name)}-{secrets.token_hex(4)}"
    about = {"labels": wanted.mark.labels, "annotations": {"atelier/job-name": wanted.mark.name}}
    made = [("secrets", _variables(name, about, wanted.environ))]
    pod = _pod(name, about, wanted)
    if wanted.login:
        made.append(("secrets", _login(f"{name}-login", about, *wanted.login)))
        pod["spec"].setdefault("imagePullSecrets", []).append({"name": f"{name}-login"})
    if wanted.mark.instances > 1:
        pod["spec"] |= {"hostname": f"instance-{wanted.mark.rank}", "subdomain": wanted.mark.group}
        if wanted.mark.rank == 0:
            made.append(("services", _service(wanted.mark)))
    return pod, made


def _pod(name: str, about: dict, wanted: Wanted) -> dict:
    uid, gid = user()
    template = wanted.template.get("spec") or {}
    volumes, mounts = _volumes(wanted)
    fenced = {
        "runAsUser": uid,
        "runAsGroup": gid,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": CONTAINER,
        "image": wanted.image,
        "command": list(wanted.shell),
        "workingDir": str(wanted.work),
        "envFrom": [{"secretRef": {"name": name}}],
        "resources": _resources(wanted),
        "securityContext": fenced,
        "volumeMounts": mounts,
        "terminationMessagePolicy": "File",
    }
    asked = wanted.template.get("metadata") or {}
    metadata = {
        "name": name,
        "labels": {**(asked.get("labels") or {}), **about["labels"]},
        "annotations": {**(asked.get("annotations") or {}), **about["annotations"]},
    }
    spec = {
        **template,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [container],
        "volumes": [*(template.get("volumes") or ()), *volumes],
    }
    if wanted.deadline_seconds:
        spec["activeDeadlineSeconds"] = int(wanted.deadline_seconds)
    if template.get("hostNetwork"):
        spec.setdefault("dnsPolicy", "ClusterFirstWithHostNet")
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _resources(wanted: Wanted) -> dict:
    options = docker_options(wanted.resources)
    said = dict(zip(options[::2], options[1::2], strict=True))
    amounts: dict[str, str] = {}
    if wanted.memory_bytes:
        amounts["memory"] = str(wanted.memory_bytes)
    if said.get("--cpus"):
        amounts["cpu"] = said["--cpus"]
    if wanted.gpus:
        amounts[wanted.gpu_resource] = str(wanted.gpus)
    return {"requests": amounts, "limits": amounts} if amounts else {}


def _volumes(wanted: Wanted) -> tuple[list[dict], list[dict]]:
    options = docker_options(wanted.resources)
    said = dict(zip(options[::2], options[1::2], strict=True))
    shm = size_in_bytes(said.get("--shm-size") or str(wanted.resources.get("shm_size") or SHARED_MEMORY))
    if wanted.memory_bytes and shm:
        # What lies there counts as memory of the pod.
        shm = min(shm, wanted.memory_bytes)
    volumes = [{"name": "shm", "emptyDir": {"medium": "Memory", **({"sizeLimit": str(shm)} if shm else {})}}]
    mounts: list[dict] = [{"name": "shm", "mountPath": "/dev/shm"}]
    if wanted.shared.claim:
        volumes.append({"name": VOLUME, "persistentVolumeClaim": {"claimName": wanted.shared.claim}})
    paths = [(wanted.writable, False), *((path, True) for path in dict.fromkeys(wanted.readable))]
    for number, (path, read_only) in enumerate(paths):
        mount = {"mountPath": str(path), "readOnly": read_only}
        if wanted.shared.claim:
            place = _on_claim(path, wanted, number)
            mounts.append({"name": VOLUME, "subPath": str(place), **mount})
        else:
            kind = "File" if path.is_file() else "Directory"
            volumes.append({"name": f"{VOLUME}-{number}", "hostPath": {"path": str(path), "type": kind}})
            mounts.append({"name": f"{VOLUME}-{number}", **mount})
    return volumes, mounts


def _on_claim(path: Path, wanted: Wanted, number: int) -> Path:
    """Below the root of the claim; what lies elsewhere is copied beside the job."""
    root = wanted.shared.root
    if path.resolve().is_relative_to(root):
        return path.resolve().relative_to(root)
    copy = wanted.root.resolve() / "seen" / str(number)
    copy.parent.mkdir(exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, copy)
    else:
        shutil.copyfile(path, copy)
    for made in (copy, *copy.rglob("*")):
        made.chmod(0o755 if made.is_dir() else 0o644)
    return copy.relative_to(root)


def _variables(name: str, about: dict, environ: Mapping[str, str]) -> dict:
    """In a Secret, as who may look at pods need not know what jobs know."""
    for variable in environ:
        if not _NAME.fullmatch(variable):
            field_name = f"environment_variables.{variable}"
            raise Invalid(
                f"{field_name}: is no name that a pod can have; use letters, digits, '_', '-' and '.'.",
                target=field_name,
            )
    data = {key: _encoded(value) for key, value in {"PYTHONUNBUFFERED": "1", **environ}.items()}
    return _secret(name, about, "Opaque", data)


def _login(name: str, about: dict, host: str, login_user: str, password: str) -> dict:
    auth = _encoded(f"{login_user}:{password}")
    config = json.dumps({"auths": {_HUB_KEY if host == "docker.io" else host: {"auth": auth}}})
    return _secret(name, about, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": _encoded(config)})


def _secret(name: str, about: dict, kind: str, data: dict[str, str]) -> dict:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **about}, "type": kind, "data": data}


def _service(mark: Mark) -> dict:
    """Without an address of its own: it only gives names to the instances, before they are ready."""
    selector = {label: mark.labels[label] for label in (SERVER, JOB, ATTEMPT)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": mark.group, "labels": mark.labels},
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector},
    }


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "job"
