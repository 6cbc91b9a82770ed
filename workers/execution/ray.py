"""The command of a job whose distribution is Ray: a head on the first instance, workers on the others.

Source: RayDistribution of azure-ai-ml, and the options of `ray start`.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from workers.execution.distribution import Peer

_NO_RAY = (
    "if ! command -v ray >/dev/null; then echo 'distribution.type is ray, and the environment of this job has no Ray: "
    "add the package ray to its conda file or requirements.' >&2; exit 1; fi"
)
# The head may start after its workers, which end with it.
_JOIN = 'for attempt in $(seq 60); do ray start --address="$RAY_ADDRESS"{options} && break; sleep 1; done\n'
_JOIN += "ray status >/dev/null || exit 1\nwhile ray status >/dev/null 2>&1; do sleep 2; done"


def command_of(distribution: Mapping[str, Any], rank: int, peers: Sequence[Peer], command: str) -> str:
    """What bash runs on the instance of this rank; the user's command is run beside the head alone."""
    address = f"{peers[0].address}:{distribution.get('port') or peers[0].port}"
    lines = [_NO_RAY, f"export RAY_ADDRESS={shlex.quote(address)} RAY_USAGE_STATS_ENABLED=0"]
    if rank:
        lines.append(_JOIN.replace("{options}", _extra(distribution, "worker_node_additional_args")))
        return "\n".join(lines)
    options = ["--head", f"--node-ip-address={peers[0].address}", f"--port={address.rpartition(':')[2]}"]
    options.append(f"--include-dashboard={str(bool(distribution.get('include_dashboard'))).lower()}")
    if port := distribution.get("dashboard_port"):
        options.append(f"--dashboard-port={port}")
    lines.append(f"ray start {shlex.join(options)}{_extra(distribution, 'head_node_additional_args')} || exit 1")
    return "\n".join([*lines, command])


def _extra(distribution: Mapping[str, Any], name: str) -> str:
    text = str(distribution.get(name) or "").strip()
    return f" {text}" if text else ""
