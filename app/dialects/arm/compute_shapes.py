"""Computes as Azure's clients send them and read them back: the Compute resource of api-version 2023-08-01-preview."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.compute.tables import Compute, Worker
from app.compute.usage import Limit
from app.dialects.arm.wire import duration, mapping, said, seconds, snake
from app.errors import Invalid

LOCATION = "local"
TYPES = {
    "amlcompute": "AmlCompute",
    "computeinstance": "ComputeInstance",
    "virtualmachine": "VirtualMachine",
    "kubernetes": "Kubernetes",
    "synapsespark": "SynapseSpark",
}
CLUSTER = "amlcompute"
SIZE = "Standard_DS3_v2"
_IDLE = "nodeIdleTimeBeforeScaleDown"


def properties_of(compute: Compute) -> dict[str, Any]:
    spec = compute.spec
    shown = {
        "computeType": TYPES.get(compute.type, "AmlCompute"),
        "computeLocation": LOCATION,
        "provisioningState": "Succeeded",
        "description": compute.description,
        "resourceId": spec.get("resource_id"),
        "isAttachedCompute": compute.type in ("virtualmachine", "kubernetes"),
        "disableLocalAuth": True,
    }
    own: dict[str, Any] = {"vmSize": spec.get("size") or SIZE}
    if compute.type == CLUSTER:
        own |= _cluster(compute)
    elif compute.type == "computeinstance":
        own |= {"state": compute.state}
    elif compute.type == "kubernetes":
        own = {"namespace": spec.get("namespace") or "default"}
    elif compute.type == "virtualmachine":
        own = {"virtualMachineSize": spec.get("size")}
    return said(shown) | {"properties": said(own)}


def _cluster(compute: Compute) -> dict[str, Any]:
    spec = compute.spec
    tier = spec.get("tier") or "dedicated"
    scale = {
        "minNodeCount": compute.min_instances,
        # A compute without a limit runs as many as the workers can.
        "maxNodeCount": compute.max_instances or 0,
        _IDLE: duration(float(spec.get("idle_time_before_scale_down") or 120)),
    }
    return {
        "vmPriority": "LowPriority" if tier == "low_priority" else "Dedicated",
        "scaleSettings": scale,
        "osType": "Linux",
        "allocationState": "Steady",
        "remoteLoginPortPublicAccess": "NotSpecified",
        "enableNodePublicIp": False,
    }


def node(worker: Worker, jobs: Sequence[str]) -> dict[str, Any]:
    """A worker with the jobs of a compute on it, as the nodes of a cluster are listed."""
    return {
        "nodeId": worker.name,
        "privateIpAddress": worker.host,
        "publicIpAddress": None,
        "port": None,
        "nodeState": "running" if jobs else "idle",
        "runId": jobs[0] if jobs else None,
    }


def size(worker: Worker) -> dict[str, Any]:
    """A worker, as sizes of virtual machines are listed."""
    return {
        "name": worker.name,
        "family": "worker",
        "vCPUs": worker.processors,
        "gpus": len(worker.gpus),
        "memoryGB": round(worker.memory_bytes / (1 << 30), 1),
        "lowPriorityCapable": False,
        "premiumIO": False,
        "supportedComputeTypes": list(TYPES.values()),
    }


def usage(row: Limit) -> dict[str, Any]:
    """What is in use, as quotas of a subscription are listed; -1 is no limit."""
    return {
        "id": f"local/usages/{row.name}",
        "type": row.type,
        "unit": "Count",
        "currentValue": row.used,
        "limit": -1 if row.most is None else row.most,
        "name": {"value": row.name, "localizedValue": row.name},
    }


def document_of(name: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """A compute as its file would say it; raises Invalid for a kind that files do not know."""
    asked = mapping(sent, "properties", "body")
    kind = str(asked.get("computeType", "")).lower()
    if kind not in TYPES:
        raise Invalid(
            f"properties.computeType: {asked.get('computeType')!r} is not one of {', '.join(TYPES.values())}.",
            target="properties.computeType",
        )
    own = mapping(asked, "properties")
    scale = mapping(own, "scaleSettings", "properties.properties")
    priority = own.get("vmPriority")
    return said(
        {
            "name": name,
            "type": kind,
            "description": asked.get("description"),
            "tags": mapping(sent, "tags", "body"),
            "size": own.get("vmSize"),
            "tier": snake(str(priority)) if priority else None,
            "min_instances": scale.get("minNodeCount"),
            "max_instances": scale.get("maxNodeCount"),
            "idle_time_before_scale_down": seconds(scale.get(_IDLE), f"properties.properties.scaleSettings.{_IDLE}"),
            "resource_id": asked.get("resourceId"),
            "namespace": own.get("namespace"),
        }
    )
