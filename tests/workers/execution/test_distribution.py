"""The processes of distributed jobs: how they find each other, and that they end as one."""

import json
import socket
import subprocess
import sys

from workers.execution.distribution import Peer, ports_of, processes
from workers.execution.ray import command_of
from workers.execution.start import PROCESSES

PEERS = [Peer("10.0.0.1", 20000), Peer("10.0.0.2", 21000)]


def test_ranks_of_two_instances_follow_each_other_as_torchrun_and_mpi_count_them():
    spec = {"distribution": {"type": "mpi", "process_count_per_instance": 2}}
    first, second = (processes(spec, rank, PEERS) for rank in (0, 1))
    everyone = [process.environ for process in (*first, *second)]
    assert [found["RANK"] for found in everyone] == [found["OMPI_COMM_WORLD_RANK"] for found in everyone]
    assert [(found["RANK"], found["LOCAL_RANK"], found["NODE_RANK"]) for found in everyone] == [
        ("0", "0", "0"), ("1", "1", "0"), ("2", "0", "1"), ("3", "1", "1"),
    ]  # fmt: skip
    assert {(found["WORLD_SIZE"], found["MASTER_ADDR"], found["MASTER_PORT"]) for found in everyone} == {
        ("4", "10.0.0.1", "20000")
    }
    assert everyone[3]["AZ_BATCH_MASTER_NODE"] == "10.0.0.1:20000" and everyone[3]["AZUREML_NODE_COUNT"] == "2"


def test_tasks_of_tensorflow_are_dealt_out_with_a_port_each():
    spec = {"distribution": {"type": "tensorflow", "worker_count": 3, "parameter_server_count": 1}}
    found = [json.loads(each.environ["TF_CONFIG"]) for rank in (0, 1) for each in processes(spec, rank, PEERS)]
    cluster = {"worker": ["10.0.0.1:20001", "10.0.0.2:21001", "10.0.0.1:20002"], "ps": ["10.0.0.2:21002"]}
    assert all(config["cluster"] == cluster for config in found) and ports_of(spec) >= 3
    assert [(config["task"]["type"], config["task"]["index"]) for config in found] == [
        ("worker", 0), ("worker", 2), ("worker", 1), ("ps", 0),
    ]  # fmt: skip


def test_ray_has_its_head_where_the_command_runs_and_is_missed_with_words(tmp_path):
    for name in ("ray", "python"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $@"\n')
        (tmp_path / name).chmod(0o755)
    asked = {"type": "ray", "include_dashboard": False, "worker_node_additional_args": "--num-cpus 2"}

    with socket.create_server(("127.0.0.1", 0)) as free:
        peers = [Peer("127.0.0.1", free.getsockname()[1])] * 2

    def run(rank, path):
        command = command_of(asked, rank, peers, "echo $RAY_ADDRESS && exit 3")
        command = command.replace("seq 240", "seq 1")
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={"PATH": path})

    head, worker = (run(rank, f"{tmp_path}:/usr/bin:/bin") for rank in (0, 1))
    assert head.returncode == 3 and head.stdout.splitlines()[-1] == f"127.0.0.1:{peers[0].port}"
    assert f"--head --node-ip-address=127.0.0.1 --port={peers[0].port} --include-dashboard=false" in head.stdout
    assert "2 instances joined" in head.stdout and worker.returncode == 0
    assert f"--address=127.0.0.1:{peers[0].port} --num-cpus 2" in worker.stdout
    missed = run(0, "/usr/bin:/bin")
    assert missed.returncode == 1 and "add the package ray" in missed.stderr


def test_processes_end_as_one_with_the_code_of_the_first_that_failed(tmp_path):
    there = tmp_path / "there"
    asked = {
        "command": f'echo "I am $RANK"; if [ $RANK = 0 ]; then touch {there}; sleep 60; fi; '
        f"until [ -e {there} ]; do sleep 0.01; done; exit 7",
        "processes": [{"RANK": "0"}, {"RANK": "1"}],
        "names": ["rank 0", "rank 1"],
    }
    path = tmp_path / "processes.json"
    path.write_text(json.dumps(asked))
    ended = subprocess.run([sys.executable, PROCESSES, path], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 7
    assert sorted(ended.stdout.splitlines()) == ["[rank 0] I am 0", "[rank 1] I am 1"]
