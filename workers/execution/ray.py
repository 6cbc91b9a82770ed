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
# A worker joins when the head is there, and ends with it.
_JOIN = """\
head() {{ (exec 3<>/dev/tcp/{host}/{port}) 2>/dev/null; }}
for attempt in $(seq 240); do head && break; sleep 0.5; done
ray start --address="$RAY_ADDRESS"{options} || exit 1
while head; do sleep 1; done"""
# The paths of its sockets must be short.
_HEAD = """\
temporary=$(mktemp -d /tmp/ray.XXXXXX 2>/dev/null || mktemp -d); trap 'rm -rf "$temporary"' EXIT
ray start {options} --temp-dir="$temporary"{extra} || exit 1"""
_GATHER = """\
import ray, sys, time
ray.init(log_to_driver=False, logging_level='ERROR')
until = time.monotonic() + 120
while (found := sum(node['Alive'] for node in ray.nodes())) < {count}:
    if time.monotonic() > until:
        sys.exit(f'{{found}} of {count} instances joined the Ray cluster within two minutes.')
    time.sleep(0.2)"""


def command_of(distribution: Mapping[str, Any], rank: int, peers: Sequence[Peer], command: str) -> str:
    """What bash runs on the instance of this rank; the user's command is run beside the head alone."""
    host, port = peers[0].address, distribution.get("port") or peers[0].port
    lines = [_NO_RAY, f"export RAY_ADDRESS={shlex.quote(f'{host}:{port}')} RAY_USAGE_STATS_ENABLED=0"]
    if rank:
        lines.append(_JOIN.format(host=host, port=port, options=_extra(distribution, "worker_node_additional_args")))
        return "\n".join(lines)
    dashboard = str(bool(distribution.get("include_dashboard"))).lower()
    options = ["--head", f"--node-ip-address={host}", f"--port={port}", f"--include-dashboard={dashboard}"]
    if own := distribution.get("dashboard_port"):
        options.append(f"--dashboard-port={own}")
    extra = _extra(distribution, "head_node_additional_args")
    lines.append(_HEAD.format(options=shlex.join(options), extra=extra))
    if len(peers) > 1:
        lines.append(f"python -c {shlex.quote(_GATHER.format(count=len(peers)))} || exit 1")
    return "\n".join([*lines, command])


def _extra(distribution: Mapping[str, Any], name: str) -> str:
    text = str(distribution.get(name) or "").strip()
    return f" {text}" if text else ""
