"""Which processes a job has on one of its instances, and the environment variables by which they find each other.

The names are those of torchrun (https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables), of Open
MPI (`OMPI_COMM_WORLD_*`) and PMI, of TensorFlow (`TF_CONFIG`), and those that Azure ML sets beside them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Mpirun refuses to run as root and to start more processes than processors, unless it is told.
MPIRUN = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


@dataclass(frozen=True)
class Process:
    """`name` is said before each line that it prints."""

    name: str
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Peer:
    """Where an instance is reached. The first of its `ports` is for the meeting of all, one a process follows."""

    address: str
    port: int


def ports_of(spec: Mapping[str, Any]) -> int:
    """How many ports one instance needs."""
    distribution = spec.get("distribution") or {}
    tasks = sum(int(distribution.get(name) or 0) for name in ("worker_count", "parameter_server_count"))
    return 1 + (tasks or 1)


def processes(spec: Mapping[str, Any], rank: int, peers: Sequence[Peer]) -> list[Process]:
    """Those of the instance of this rank, of as many instances as there are peers."""
    distribution = spec.get("distribution") or {}
    shared = {
        "NODE_RANK": str(rank),
        "MASTER_ADDR": peers[0].address,
        "MASTER_PORT": str(peers[0].port),
        "AZUREML_NODE_COUNT": str(len(peers)),
        "AZ_BATCH_MASTER_NODE": f"{peers[0].address}:{peers[0].port}",
        "AZ_BATCHAI_MPI_MASTER_NODE": peers[0].address,
        "AZ_BATCHAI_JOB_MASTER_NODE_IP": peers[0].address,
        "AZ_BATCH_HOST_LIST": ",".join(peer.address for peer in peers),
    }
    match distribution.get("type"):
        case "tensorflow":
            return _of_tensorflow(distribution, rank, peers, shared)
        case "pytorch" | "mpi" as kind:
            count = int(distribution.get("process_count_per_instance") or 1)
            return [_ranked(kind, rank, local, count, len(peers), shared) for local in range(count)]
    return [Process(f"node {rank}", shared)]


def _ranked(kind: str, rank: int, local: int, count: int, instances: int, shared: dict[str, str]) -> Process:
    number, world = rank * count + local, instances * count
    found = {
        "RANK": number,
        "LOCAL_RANK": local,
        "WORLD_SIZE": world,
        "LOCAL_WORLD_SIZE": count,
        "GROUP_RANK": rank,
        "GROUP_WORLD_SIZE": instances,
    }
    if kind == "mpi":
        found |= {
            "OMPI_COMM_WORLD_RANK": number,
            "OMPI_COMM_WORLD_SIZE": world,
            "OMPI_COMM_WORLD_LOCAL_RANK": local,
            "OMPI_COMM_WORLD_LOCAL_SIZE": count,
            "OMPI_COMM_WORLD_NODE_RANK": local,
            "PMI_RANK": number,
            "PMI_SIZE": world,
        }
    return Process(f"rank {number}", {**shared, **{name: str(value) for name, value in found.items()}})


def _of_tensorflow(
    distribution: Mapping[str, Any], rank: int, peers: Sequence[Peer], shared: dict[str, str]
) -> list[Process]:
    """Tasks are dealt out to the instances in turn, workers first."""
    workers = int(distribution.get("worker_count") or len(peers))
    servers = int(distribution.get("parameter_server_count") or 0)
    tasks = [*(("worker", index) for index in range(workers)), *(("ps", index) for index in range(servers))]
    cluster: dict[str, list[str]] = {"worker": []} | ({"ps": []} if servers else {})
    for number, (kind, _) in enumerate(tasks):
        peer = peers[number % len(peers)]
        cluster[kind].append(f"{peer.address}:{peer.port + 1 + number // len(peers)}")
    return [
        Process(
            f"{kind} {index}",
            {**shared, "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})},
        )
        for number, (kind, index) in enumerate(tasks)
        if number % len(peers) == rank
    ]
