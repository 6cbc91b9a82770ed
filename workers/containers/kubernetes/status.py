"""What the status of a pod says, in the words of its job's user.

Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CONTAINER = "job"
NO_IMAGE = ("ErrImagePull", "ImagePullBackOff")
# None of them gets better by itself.
HOPELESS = (
    *("InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
)


_STEPS = [
    re.compile(text)
    for text in (r"^rpc error: code = \w+ desc = ", r'^failed to [^"]+ image "[^"]+": ', r'^failed to [^"]+ "[^"]+": ')
]


@dataclass(frozen=True)
class End:
    """`code` is that of the command, None where it did not run to its end; `failure` then says why in one sentence."""

    code: int | None
    is_out_of_memory: bool = False
    failure: str | None = None


def state(pod: dict) -> dict[str, Any]:
    """Of the job's container: `waiting`, `running` or `terminated`; empty while no node has looked at it."""
    found = pod.get("status", {}).get("containerStatuses") or ()
    return next((status.get("state") or {} for status in found if status["name"] == CONTAINER), {})


def has_started(pod: dict) -> bool:
    return "running" in state(pod) or "terminated" in state(pod)


def node_of(pod: dict) -> str | None:
    return pod["spec"].get("nodeName")


def end_of(pod: dict | None) -> End | None:
    """None while it goes on."""
    if pod is None:
        return End(None, failure="The pod of the job was deleted by somebody else.")
    status, ended = pod.get("status", {}), state(pod).get("terminated")
    if status.get("reason") == "Evicted":
        return End(None, failure=f"The pod was evicted from {_node(pod)}: {_sentence(status.get('message'))}")
    if ended and ended.get("reason") == "OOMKilled":
        return End(ended["exitCode"], is_out_of_memory=True)
    if ended and ended.get("reason") in ("StartError", "ContainerCannotRun"):
        return End(None, failure=f"The container could not be started: {_sentence(ended.get('message'))}")
    if ended and ended.get("reason") != "ContainerStatusUnknown" and status.get("reason") is None:
        return End(ended["exitCode"])
    if status.get("phase") == "Failed":
        said = status.get("message") or (ended or {}).get("message") or "the cluster did not say why"
        return End(
            None, failure=f"The pod failed on {_node(pod)} ({status.get('reason') or 'Error'}): {_sentence(said)}"
        )
    if pod["metadata"].get("deletionTimestamp") and not ended:
        return End(None, failure=_why_deleted(pod))
    return None


def _why_deleted(pod: dict) -> str:
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return f"The pod was taken off {_node(pod)}: {_sentence(condition.get('message'))}"
    return f"The pod was deleted while it ran on {_node(pod)}, by somebody else or since the node was lost."


def unscheduled(pod: dict) -> str | None:
    """Why no node has it yet."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("message") or condition.get("reason") or "no node is free"
    return None


def waiting(pod: dict) -> tuple[str | None, str]:
    """The cluster's word for what its container waits for, and what it says of it."""
    found = state(pod).get("waiting") or {}
    return found.get("reason"), found.get("message") or ""


def hopeless(pod: dict) -> str | None:
    """One sentence where it will never start, whatever is waited for; images are judged by more than one look."""
    reason, message = waiting(pod)
    return f"The pod could not start ({reason}): {_sentence(message)}" if reason in HOPELESS else None


def image_missing(image: str, message: str) -> str:
    """`message` is that of containerd or CRI-O, of which the steps on the way are left out."""
    for steps in _STEPS:
        message = steps.sub("", message, count=1)
    return f"The image {image} could not be pulled: {_sentence(message)}"


def newest_warning(events: Sequence[dict]) -> str | None:
    """What the cluster complains of, where that is the last that it says of a pod."""
    dated = sorted(events, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    if not dated or dated[-1].get("type") != "Warning":
        return None
    return f"{dated[-1].get('reason')}: {_sentence(dated[-1].get('message'))}"


def _node(pod: dict) -> str:
    return f"node {node_of(pod)}" if node_of(pod) else "its node"


def _sentence(text: str | None) -> str:
    """On one line, with a full stop."""
    words = " ".join((text or "no reason was given").split())[:500]
    return words if words.endswith((".", "!", "?")) else f"{words}."
