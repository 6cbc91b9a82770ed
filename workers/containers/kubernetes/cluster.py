"""A Kubernetes cluster as the container engine of a worker: each job with an image is a pod."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import yaml
from sqlalchemy import select

from app.database import reading
from app.environments.specification import EnvironmentSpec
from app.errors import Unavailable
from app.jobs.tables import Job
from app.kit import crypto
from app.settings import PROJECT, Settings
from workers.containers import registries
from workers.containers.container import BY_SHELL, Container, given
from workers.containers.engine import KEPT
from workers.containers.images import REFERENCE, Image, ImageUnavailable
from workers.containers.kubernetes import run
from workers.containers.kubernetes.api import Access, Api, Refused, Unreachable, connect
from workers.containers.kubernetes.pod import ATTEMPT, JOB, SERVER, Mark, Shared, Wanted, manifests

log = logging.getLogger(__name__)
PROGRAM = run.__name__
# A pod may begin so long before its job does, and look for a node so long: what holds it back then is its own end.
SPARE_SECONDS = 600
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """`version` is empty where the cluster did not answer when this worker started."""

    access: Access
    namespace: str
    version: str
    server: str
    gpu_resource: str
    wait_seconds: float
    shared: Shared
    template: Mapping[str, Any]
    url: str
    kind: str = field(default="kubernetes", init=False)

    @property
    def name(self) -> str:
        return f"kubernetes {self.version.removeprefix('v')}".strip()

    def ready(self, spec: EnvironmentSpec, logins: Mapping[str, tuple[str, str]]) -> Image:
        """The image that nodes pull; raises ImageUnavailable for one that would have to be built."""
        container = spec.container or {}
        if "build" in container or container.get("conda") is not None:
            what = "environment.build" if "build" in container else "environment.conda_file"
            raise ImageUnavailable(
                f"{what}: nothing is built on a Kubernetes cluster; push an image that has the packages to a registry.",
                target=what,
            )
        asked = container["image"]
        if not REFERENCE.fullmatch(asked):
            raise Unavailable(f"environment.image: {asked!r} is no image; write it as registry/name:tag.")
        host = registries.host_of(asked)
        return Image(self, asked, asked, "", (host, *logins[host]) if host in logins else None)

    def container(
        self,
        image: Image,
        command: str,
        environ: Mapping[str, str],
        *,
        mark: Mark,
        folder,
        limits,
        devices: Sequence[int],
        resources: Mapping[str, Any],
        readable: Iterable[Path],
    ) -> Container:
        """The commands that run the pod of a job; raises Invalid for a variable that no pod can have."""
        given(folder.guest)
        timeout = limits.timeout_seconds
        pod, made = manifests(
            Wanted(
                mark=mark,
                image=image.name,
                shell=["/bin/sh", "-c", _found_first(mark) + BY_SHELL, "sh", command],
                # The cluster lets in the job's devices only.
                environ={name: value for name, value in environ.items() if name != "CUDA_VISIBLE_DEVICES"},
                work=folder.work,
                root=folder.root,
                writable=folder.guest,
                readable=readable,
                memory_bytes=limits.memory_bytes,
                gpus=len(devices),
                gpu_resource=self.gpu_resource,
                resources=resources,
                deadline_seconds=timeout + self.wait_seconds + SPARE_SECONDS if timeout else None,
                template=self.template,
                shared=self.shared,
                login=image.login,
            )
        )
        end = folder.root / "pod.end"
        asked = run.Asked(
            self.access, pod, made, str(story_of(folder)), str(end), limits.timeout_seconds, self.wait_seconds
        )
        file = folder.root / "pod.json"
        asked.write(file)
        program = [sys.executable, "-P", "-m", PROGRAM]
        return Container(
            run=[*program, "run", str(file)],
            look=["/bin/cat", str(end)],
            remove=[*program, "remove", str(file)],
            environ=_environ(),
            keeps_limits=True,
        )

    def duties(self) -> list[tuple[str, float, Callable[[], None]]]:
        return [("left pods", 20, self.remove_left)]

    def remove_left(self) -> None:
        """Remove the pods of jobs that nobody runs any more: their worker and what watched them were killed."""
        api = connect(self.access)
        try:
            for kind in ("pods", "secrets", "services"):
                for found in api.request("GET", kind, labelSelector=f"{SERVER}={self.server}")["items"]:
                    self._remove_if_left(api, kind, found["metadata"])
        except (Refused, httpx.TransportError) as error:
            log.warning("the cluster does not say which pods were left: %s", error)
        finally:
            api.close()

    def _remove_if_left(self, api: Api, kind: str, metadata: dict) -> None:
        labels = metadata["labels"]
        with reading() as session:
            row = session.execute(select(Job.status, Job.attempt).where(Job.id == int(labels[JOB]))).first()
        if row is None or row.status.is_final or row.attempt != int(labels[ATTEMPT]):
            log.info("removing %s %s, which its job left", kind, metadata["name"])
            try:
                api.request("DELETE", f"{kind}/{metadata['name']}", gracePeriodSeconds=run.GRACE_SECONDS)
            except Refused as refused:
                if refused.code != 404:
                    raise

    def capacity(self) -> tuple[int, list[dict]] | None:
        """Memory in bytes and GPUs of all nodes that take pods; None where this may not be asked."""
        api = connect(self.access)
        try:
            nodes = [node for node in api.nodes() if not node["spec"].get("unschedulable")]
        except (Refused, httpx.TransportError) as error:
            log.warning("what the nodes of the cluster have is not known, and so not checked: %s", error)
            return None
        finally:
            api.close()
        amounts = [node["status"].get("allocatable") or {} for node in nodes]
        memory = sum(quantity(amount.get("memory", "0")) for amount in amounts)
        count = sum(int(amount.get(self.gpu_resource, 0)) for amount in amounts)
        return memory, [{"index": index, "name": self.gpu_resource, "memory_mb": 0} for index in range(count)]


def find(settings: Settings) -> Cluster | None:
    """The cluster that the settings name; None, with a line in the log, where they are wrong."""
    access = Access(_config_of(settings), settings.kubernetes_namespace)
    try:
        api = connect(access)
        template = _template(settings.kubernetes_pod)
    except Unreachable as error:
        log.warning("containers is kubernetes, but no cluster can be used, so jobs run on this machine: %s", error)
        return None
    try:
        version = api.version()
    except (Refused, httpx.TransportError) as error:
        log.warning("the Kubernetes cluster does not answer: %s", error)
        version = ""
    finally:
        api.close()
    root = Path(settings.kubernetes_claim_path or settings.home).resolve()
    return Cluster(
        access=access,
        namespace=api.namespace,
        version=version,
        server=crypto.sign("kubernetes")[:16],
        gpu_resource=settings.kubernetes_gpu,
        wait_seconds=settings.kubernetes_wait_seconds,
        shared=Shared(settings.kubernetes_claim, root),
        template=template,
        url=settings.kubernetes_url or settings.url,
    )


def _config_of(settings: Settings) -> str:
    """As kubectl looks for it, but that a process in a pod goes by its service account first."""
    if settings.kubernetes_config:
        return str(Path(settings.kubernetes_config).expanduser().resolve())
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return ""
    said = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    file = Path(said or "~/.kube/config").expanduser()
    return str(file) if file.is_file() else ""


def _template(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        found = yaml.safe_load(Path(path).expanduser().read_text())
    except (OSError, yaml.YAMLError) as error:
        raise Unreachable(f"kubernetes_pod: {path} cannot be read: {error}") from error
    if not isinstance(found, Mapping) or not isinstance(found.get("spec", {}), Mapping):
        raise Unreachable(f"kubernetes_pod: {path} is no pod; write a YAML file with metadata and spec.")
    return found


def story_of(folder) -> Path:
    """Where the program tells how the pod is."""
    return folder.root / "pod.story"


def quantity(text: str) -> int:
    """Of Kubernetes, such as `16393244Ki`; what is written otherwise counts as 0."""
    found = re.fullmatch(r"(\d+)([kMGT]i?|Ki)?", text)
    return int(found[1]) * _UNITS[found[2] or ""] if found else 0


def _found_first(mark: Mark) -> str:
    """A new name takes the DNS of a cluster some seconds, and not every library asks for it twice."""
    if mark.instances == 1:
        return ""
    asks = f"getent hosts {replace(mark, rank=0).address()} >/dev/null 2>&1"
    return f"n=0; while command -v getent >/dev/null && ! {asks} && [ $n -lt 60 ]; do n=$((n+1)); sleep 1; done; "


def _environ() -> dict[str, str]:
    """Of the program that runs a pod: what cloud plugins need to sign in, and nothing of a job."""
    kept = re.compile(rf"{KEPT.pattern}|(?i:KUBE.*|AWS_.*|GOOGLE_.*|CLOUDSDK_.*|AZURE_.*|SSL_CERT_.*)")
    environ = {name: value for name, value in os.environ.items() if kept.fullmatch(name)}
    return environ | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
