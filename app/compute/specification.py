"""Compute files of Azure ML CLI v2: what they ask of this server is read, and the rest is kept."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from app.errors import Invalid
from app.kit.documents import read
from app.kit.sections import Problems, Section, kind_of

COMMON = ("name", "type", "description", "tags", "location", "resource_id", "identity", "queue")
OF_MACHINES = ("size", "ssh_public_access_enabled", "ssh_settings", "network_settings", "enable_node_public_ip")
FIELDS = {
    "amlcompute": (*OF_MACHINES, "tier", "min_instances", "max_instances", "idle_time_before_scale_down"),
    "computeinstance": (
        *OF_MACHINES,
        "create_on_behalf_of",
        "schedules",
        "idle_time_before_shutdown",
        "idle_time_before_shutdown_minutes",
        "custom_applications",
        "setup_scripts",
        "enable_sso",
        "enable_root_access",
        "release_quota_on_stop",
        "enable_os_patching",
    ),
    "kubernetes": ("namespace", "properties"),
    "virtualmachine": ("size", "ssh_settings"),
}
SET_BY_SERVER = ("id", "created_on", "provisioning_state", "provisioning_errors", "state", "last_operation", "services")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")
RULE = "use up to 32 letters, digits and '-', a letter first"
RESERVED = {"serverless", "local"}


@dataclass(frozen=True)
class ComputeSpec:
    """`rest` is what the file says of machines in the cloud. `max_instances` is None where nothing limits it."""

    name: str
    type: str
    description: str = ""
    min_instances: int = 0
    max_instances: int | None = None
    queue: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def load_compute(source: str | dict[str, Any], *, source_name: str = "compute.yml") -> ComputeSpec:
    """Raises Invalid with line and field of the first problem; `details` holds the others."""
    document = read(source, source_name)
    if not isinstance(document.value, dict):
        raise Invalid(
            f"{source_name}: a compute file is a mapping of fields such as `name`, not {kind_of(document.value)}."
        )
    problems = Problems(document)
    file = Section(problems, document.value, what="a compute")
    if "type" not in file:
        file.wrong("type", f"is missing; it must be one of: {', '.join(FIELDS)}.")
    kind = file.choice("type", FIELDS) or "amlcompute"
    file.what = f"a compute of type {kind}"
    file.check_fields((*COMMON, *FIELDS[kind]), SET_BY_SERVER)
    found = ComputeSpec(
        name=_name(file),
        type=kind,
        description=file.text("description") or "",
        min_instances=file.integer("min_instances") or 0,
        max_instances=_most(file, kind),
        queue=file.text("queue"),
        tags=file.texts("tags"),
        rest={name: value for name, value in file.values.items() if name in FIELDS[kind] and "_instances" not in name},
    )
    if "ssh_settings" in found.rest:
        found.rest["ssh_settings"] = _without_password(file.section("ssh_settings"))
    if found.max_instances is not None and found.min_instances > found.max_instances:
        file.wrong(
            "min_instances", f"is {found.min_instances}; it may be at most max_instances, {found.max_instances}."
        )
    problems.raise_found()
    return replace(found, warnings=tuple(problems.warnings))


def _without_password(settings: Section) -> dict[str, Any]:
    """A password opens nothing here, and whoever reads a compute would read it."""
    if "admin_password" in settings:
        settings.warn("admin_password", "is not kept: nobody signs in to a worker with it.")
    return {name: value for name, value in settings.values.items() if name != "admin_password"}


def _name(file: Section) -> str:
    name = file.text("name", required=True) or ""
    if name and (not NAME.fullmatch(name) or name.lower() in RESERVED):
        file.wrong("name", f"is {name!r}; {RULE}, and not {' or '.join(sorted(RESERVED))}.")
    return name


def _most(file: Section, kind: str) -> int | None:
    """One machine runs one job at a time; a cluster as many as it may have instances, in Azure 1 if it says nothing."""
    if kind in ("computeinstance", "virtualmachine"):
        return 1
    if kind == "kubernetes":
        return None
    return file.integer("max_instances", least=1) or 1
