"""How much a job gets and how it is started: resources, distribution, limits, queue settings, services, identity."""

import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from app.jobs.specification.docker_arguments import left_out, option, words
from app.jobs.specification.public_keys import public_keys
from app.kit.sections import Section, as_text

RESOURCE_FIELDS = (
    "instance_count",
    "instance_type",
    "shm_size",
    "docker_args",
    "max_instance_count",
    "locations",
    "properties",
)
DISTRIBUTIONS = {
    "pytorch": ("process_count_per_instance",),
    "mpi": ("process_count_per_instance",),
    "tensorflow": ("worker_count", "parameter_server_count"),
    "ray": (
        "port",
        "address",
        "include_dashboard",
        "dashboard_port",
        "head_node_additional_args",
        "worker_node_additional_args",
    ),
}
COUNTS = ("process_count_per_instance", "worker_count", "parameter_server_count")
TIERS = ("spot", "basic", "standard", "premium", "null")
PRIORITIES = ("low", "medium", "high")
STARTED = ("jupyter_lab", "tensor_board", "ssh")
# What stands in for the others.
INSTEAD = {"vs_code": "VS Code attaches to a running job by Remote-SSH, through a service of the type ssh"}
SERVICES = (*STARTED, *INSTEAD)
SERVICE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
SERVICE_FIELDS = ("type", "port", "nodes", "properties")
OF_SERVICE = {"ssh": ("ssh_public_keys",), "tensor_board": ("log_dir",)}
_EARLIER = {"logDir": "log_dir", "sshPublicKeys": "ssh_public_keys"}
SERVICE_STATE = ("endpoint", "status", "error_message")
IDENTITIES = ("user_identity", "managed", "managed_identity", "aml_token")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


@dataclass(frozen=True)
class Resources:
    """`memory_bytes` and `processes` are what docker_args ask for: `--memory` and `--pids-limit`."""

    fields: dict[str, Any] = field(default_factory=dict)
    memory_bytes: int | None = None
    processes: int | None = None


def read_resources(job: Section) -> Resources:
    resources = job.section("resources")
    resources.check_fields(RESOURCE_FIELDS)
    resources.integer("instance_count", least=1)
    resources.integer("max_instance_count", least=1)
    resources.mapping("properties")
    shm = resources.text("shm_size")
    if shm is not None and size_in_bytes(shm) is None:
        resources.wrong("shm_size", f"is {shm!r}; give a size such as 2g or 512m.")
    arguments = _docker_arguments(resources)
    memory, processes = _memory(resources, arguments), _processes(resources, arguments)
    for name in left_out(arguments):
        resources.warn("docker_args", f"has {name}, which is left out: a job gets no more of its machine than others.")
    gpus = option(arguments, "--gpus")
    if gpus is not None and gpus != "all" and not gpus.isdigit():
        resources.wrong("docker_args", f"asks for --gpus {gpus!r}; give a whole number or `all`.")
    return Resources(resources.values, memory, processes)


def gpus_of(resources: dict[str, Any]) -> int:
    """How many GPUs each instance asks for with `--gpus` in its docker_args; `all` are at least one."""
    asked = option(words(resources), "--gpus")
    return 1 if asked == "all" else int(asked or 0)


def _docker_arguments(resources: Section) -> list[str]:
    value = resources.values.get("docker_args")
    if value is None:
        return []
    if isinstance(value, list):
        return [as_text(item) for item in value if not isinstance(item, dict | list)]
    try:
        return shlex.split(resources.text("docker_args") or "")
    except ValueError as error:
        resources.wrong("docker_args", f"cannot be split into arguments: {error}.")
        return []


def _memory(resources: Section, arguments: list[str]) -> int | None:
    text = option(arguments, "--memory", "-m")
    if text is None:
        return None
    size = size_in_bytes(text)
    if not size:
        resources.wrong("docker_args", f"asks for --memory {text!r}; give a size such as 4g or 512m.")
    return size


def _processes(resources: Section, arguments: list[str]) -> int | None:
    text = option(arguments, "--pids-limit")
    if text is None or text == "-1":
        return None
    if not text.isdigit() or int(text) < 1:
        resources.wrong("docker_args", f"asks for --pids-limit {text!r}; give a whole number of 1 or more.")
        return None
    return int(text)


def size_in_bytes(text: str) -> int | None:
    """Of Docker, such as `2g`; None where it is no size."""
    found = _SIZE.fullmatch(text.strip())
    return int(float(found[1]) * _UNITS[found[2].lower()]) if found else None


def read_distribution(job: Section) -> dict[str, Any]:
    distribution = job.section("distribution", "a distribution")
    if not distribution.values:
        return {}
    if "type" not in distribution:
        distribution.wrong("type", f"is missing; it must be one of: {', '.join(DISTRIBUTIONS)}.")
        return {}
    kind = distribution.choice("type", DISTRIBUTIONS)
    if kind is None:
        return {}
    distribution.what = f"a {kind} distribution"
    distribution.check_fields(("type", *DISTRIBUTIONS[kind]))
    if "address" in distribution:
        distribution.warn("address", "is not used: the head of the cluster is started on the first instance.")
    for name in ("port", "dashboard_port"):
        distribution.integer(name, least=1)
    for name in COUNTS:
        distribution.integer(name, least=int(name != "parameter_server_count"))
    return dict(distribution.values)


def read_timeout(job: Section) -> float | None:
    limits = job.section("limits")
    limits.check_fields(("timeout",))
    timeout = limits.integer("timeout", least=1)
    return float(timeout) if timeout else None


def read_retries(job: Section) -> int:
    retries = job.section("retry_settings")
    is_parallel = "task" in job
    # How long one mini-batch may take is read with the parallel step.
    retries.check_fields(("max_retries", "timeout") if is_parallel else ("max_retries",))
    return retries.integer("max_retries") or 0


def read_queue_settings(job: Section) -> dict[str, Any]:
    """`queue` is ours: the name of a queue of this server. Clients of Azure ML capitalise the others as well."""
    queue = job.section("queue_settings")
    queue.check_fields(("job_tier", "priority", "queue"))
    for name, allowed in (("job_tier", TIERS), ("priority", PRIORITIES)):
        if name in queue:
            queue.values = {**queue.values, name: (queue.text(name) or "").lower()}
            queue.choice(name, allowed)
    queue.text("queue")
    return dict(queue.values)


def read_services(job: Section) -> dict[str, Any]:
    """Kept as they are written; a note says what stands in for those that are not started here."""
    services = job.section("services")
    services.values = {name: _as_named_now(value) for name, value in services.values.items()}
    for name in services.values:
        service = services.section(name, "a service")
        kind = service.choice("type", SERVICES)
        service.check_fields((*SERVICE_FIELDS, *OF_SERVICE.get(kind or "", ())), SERVICE_STATE)
        if kind not in STARTED:
            services.warn(name, f"is not started: {INSTEAD[kind]}." if kind else "has no `type` and is not started.")
        elif not SERVICE_NAME.fullmatch(name):
            services.wrong(name, "must be a name of up to 100 letters, digits, '-', '_' and '.'.")
        elif kind == "ssh" and not public_keys(service.text("ssh_public_keys")):
            services.warn(name, "is not started: `ssh_public_keys` has no public key. Paste what a file such as "
                          "~/.ssh/id_ed25519.pub says.")  # fmt: skip
    return dict(services.values)


def _as_named_now(service: Any) -> Any:
    """A service in whose fields the names of the first form of these files are those of today."""
    if not isinstance(service, dict) or "job_service_type" not in service:
        return service
    found = {name: value for name, value in service.items() if name not in ("job_service_type", "properties")}
    properties = service.get("properties") if isinstance(service.get("properties"), dict) else {}
    own = {_EARLIER.get(name, name): value for name, value in properties.items()}
    return {"type": service["job_service_type"], **found, **own}


def read_identity(job: Section) -> dict[str, Any]:
    identity = job.section("identity", "an identity")
    if identity.values and "type" not in identity:
        identity.wrong("type", f"is missing; it must be one of: {', '.join(IDENTITIES)}.")
    identity.choice("type", IDENTITIES)
    return dict(identity.values)
