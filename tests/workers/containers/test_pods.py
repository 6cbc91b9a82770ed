"""Jobs in pods: from claim to end beside a small API server, and on a real cluster where one is named.

`ATELIER_TEST_KUBECONFIG` names a cluster whose nodes see this machine's folders at the same paths, as a single node on
this machine does, and `ATELIER_TEST_KUBERNETES_IMAGE` an image with a shell.
"""

import json
import os
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.environments import builder
from app.errors import Invalid
from app.kit.storage import store
from tests.workers.containers.small_cluster import NODE, SmallCluster, config, serve
from tests.workers.execution.guests import wait_until
from workers.containers.kubernetes.api import Access, Unreachable, connect
from workers.containers.kubernetes.pod import Mark, Shared, Wanted, manifests
from workers.execution import runner
from workers.execution.folder import JobFolder
from workers.node import Node

here = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
YAML = """\
name: {name}
command: {command}
environment: {{image: '{image}'}}
environment_variables: {{SECRET: hidden words}}
"""
READING = """\
inputs: {given: {type: uri_file, path: azureml://datastores/workspaceblobstore/paths/uploads/given.txt}}
outputs: {made: {type: uri_folder}}
resources: {docker_args: --cpus 2 -m 1g --gpus 1 --shm-size 256m}
"""
COPY = 'cat ${{inputs.given}} > ${{outputs.made}}/copy.txt; echo "$SECRET"; for i in 1 2 3 4 5 6; do echo line $i; done'


@pytest.fixture
def cluster():
    made = SmallCluster()
    server = serve(made)
    made.config = config(server)
    yield made
    server.shutdown()


@pytest.fixture
def node(settings, started, cluster, tmp_path, monkeypatch):
    file = tmp_path / "kubeconfig"
    file.write_text(cluster.config)
    for name, value in {
        "containers": "kubernetes",
        "kubernetes_config": str(file),
        "kubernetes_wait_seconds": 1,
    }.items():
        monkeypatch.setattr(settings, name, value)
    made = Node(settings, 1)
    yield made
    made.stop()


def submit(alice, name: str, image: str = "shell:1", command: str = "'true'", more: str = "") -> None:
    submitted = alice.post("/api/jobs", json={"yaml": YAML.format(name=name, image=image, command=command) + more})
    assert submitted.status_code == 201, submitted.text


def run(alice, node: Node, *args, **more) -> dict:
    submit(alice, *args, **more)
    runner.run(node, *runner.take(node))
    return alice.get(f"/api/jobs/{args[0]}").json()


def log_of(name: str) -> str:
    return b"".join(store().read(f"workspaces/1/jobs/{name}/logs/user_logs/std_log.txt")).decode()


@here
def test_a_job_runs_in_a_pod_and_leaves_nothing_behind(alice, node, cluster):
    store().write("workspaces/1/uploads/given.txt", [b"some text\n"])
    # The connection to the log breaks off once, and the API server starts anew.
    cluster.cut_after, cluster.refuses = 4, 1
    job = run(alice, node, "inside", command=json.dumps(COPY), more=READING)
    assert job["status"] == "Completed", job["error"]
    assert log_of("inside").splitlines() == ["hidden words", *(f"line {number}" for number in range(1, 7))]
    assert b"".join(store().read("workspaces/1/jobs/inside/outputs/made/copy.txt")) == b"some text\n"
    assert not cluster.objects
    (pod,) = cluster.made["pods"]
    assert job["runs_in"] == f"image shell:1, pod {pod['metadata']['name']} on node {NODE} of kubernetes 1.30.0"
    assert job["runs_in"] in alice.get("/jobs/inside").text
    assert pod["metadata"]["annotations"] == {"atelier/job-name": "inside"}
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False and spec["restartPolicy"] == "Never"
    container = spec["containers"][0]
    assert container["resources"]["limits"] == {"memory": str(2**30), "cpu": "2", "nvidia.com/gpu": "1"}
    assert container["securityContext"]["runAsNonRoot"] and container["securityContext"]["capabilities"] == {
        "drop": ["ALL"]
    }
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": str(256 * 2**20)}} in spec["volumes"]
    # Who may look at pods sees neither the variables of a job nor its token.
    assert "hidden words" not in json.dumps(pod) and "MLFLOW" not in json.dumps(pod)


@here
def test_what_goes_wrong_with_a_pod_is_told_in_a_sentence(alice, node, cluster):
    for image, more, message in (
        ("gone", "", "The image gone:1 could not be pulled: gone:1: not found."),
        ("full", "", "The pod found no node within 1 seconds: 0/1 nodes are available: 1 Insufficient cpu."),
        ("evicted", "", f"The pod was evicted from node {NODE}: The node was low on resource: memory."),
        ("greedy", "resources: {docker_args: -m 1g}\n", "The job asked for more memory than its limit of 1.1 GB."),
    ):
        job = run(alice, node, f"{image}{len(more)}", f"{image}:1", more=more)
        assert (job["status"], job["error"]["message"]) == ("Failed", message)
    job = run(alice, node, "fails", command="'exit 3'")
    assert job["exit_code"] == 3 and job["error"]["message"] == "Exit code 3: the command failed."
    job = run(alice, node, "slow", command="'sleep 60'", more="limits: {timeout: 1}\n")
    assert job["error"]["message"] == "The job ran longer than its timeout of 1 seconds."
    assert not cluster.objects


@here
def test_a_job_that_is_canceled_or_lost_takes_its_pod_along(alice, node, cluster):
    node.start()
    submit(alice, "stopped", command="'echo up; sleep 60'")
    going = threading.Thread(target=runner.run, args=(node, *runner.take(node)))
    going.start()
    wait_until(lambda: alice.get("/api/jobs/stopped").json()["status"] == "Running", seconds=20)
    node.engine.remove_left()
    assert ("pods", cluster.made["pods"][0]["metadata"]["name"]) in cluster.objects
    alice.post("/api/jobs/stopped/cancel")
    going.join(20)
    assert alice.get("/api/jobs/stopped").json()["status"] == "Canceled"
    assert not cluster.objects
    # As it is where a worker and what watched its pod were killed: the job is over, and the pod is still there.
    cluster.put("pods", cluster.made["pods"][0])
    node.engine.remove_left()
    assert not cluster.objects


@here
def test_what_needs_more_than_a_pod_stays_on_the_worker_or_says_so(alice, node):
    assert alice.get("/api/compute").json()[0]["engine"] == "kubernetes 1.30.0"
    job = run(alice, node, "bare", more="resources: {docker_args: --gpus 1}\n", image="bare:1")
    assert job["status"] == "Completed"
    refused = alice.post(
        "/api/jobs",
        json={"yaml": YAML.format(name="x", image="a:1", command="x") + "resources: {docker_args: --gpus 3}\n"},
    )
    assert "asks for 3 GPUs" in refused.text


@here
def test_an_image_that_would_have_to_be_built_is_stood_in_for_on_the_worker(alice, node, cluster, monkeypatch):
    monkeypatch.setattr(builder, "find", lambda *_: Path(sys.executable))
    text = "command: echo here\nname: on-top\nenvironment: {image: 'base:1', conda_file: {dependencies: [python=3.11]}}"
    assert alice.post("/api/jobs", json={"yaml": text}).status_code == 201
    runner.run(node, *runner.take(node))
    job = alice.get("/api/jobs/on-top").json()
    assert job["status"] == "Completed", job["error"]
    assert "environment.conda_file: nothing is built on a Kubernetes cluster" in job["warnings"][0]
    assert (
        job["runs_in"] == "an environment of the worker, which stands in for the image" and "pods" not in cluster.made
    )


def test_what_a_pod_on_a_claim_is_made_of(tmp_path):
    home, elsewhere = tmp_path / "home", tmp_path / "data"
    folder, elsewhere_file = JobFolder(home / "jobs" / "1"), elsewhere / "a.txt"
    elsewhere.mkdir()
    elsewhere_file.write_text("a")
    wanted = Wanted(
        mark=Mark("0123456789abcdef", 7, "Fine Tuning_1", attempt=2, rank=0, instances=2),
        image="reg.io/x:1",
        shell=["/bin/sh", "-c", "true"],
        environ={"TWO": "a\nb"},
        work=folder.work,
        root=folder.root,
        writable=folder.guest,
        readable=[elsewhere],
        memory_bytes=None,
        gpus=2,
        gpu_resource="amd.com/gpu",
        resources={},
        deadline_seconds=None,
        template={"spec": {"nodeSelector": {"pool": "gpu"}, "automountServiceAccountToken": True}},
        shared=Shared("home", home),
        login=("reg.io", "me", "secret"),
    )
    pod, made = manifests(wanted)
    spec = pod["spec"]
    assert re.fullmatch(r"atelier-fine-tuning-1-[0-9a-f]{8}", pod["metadata"]["name"])
    assert spec["nodeSelector"] == {"pool": "gpu"} and spec["automountServiceAccountToken"] is False
    assert {"name": "atelier", "persistentVolumeClaim": {"claimName": "home"}} in spec["volumes"]
    own, seen = spec["containers"][0]["volumeMounts"][1:]
    assert (own["subPath"], own["mountPath"], own["readOnly"]) == ("jobs/1/guest", str(folder.guest), False)
    assert (seen["mountPath"], seen["readOnly"]) == (str(elsewhere), True)
    assert (home / seen["subPath"] / "a.txt").read_text() == "a"
    assert spec["containers"][0]["resources"]["limits"] == {"amd.com/gpu": "2"}
    assert f"{spec['hostname']}.{spec['subdomain']}" == wanted.mark.address() == "instance-0.atelier-01234567-7-2"
    kinds = [(kind, body.get("type", "")) for kind, body in made]
    assert kinds == [("secrets", "Opaque"), ("secrets", "kubernetes.io/dockerconfigjson"), ("services", "")]
    assert spec["imagePullSecrets"] == [{"name": made[1][1]["metadata"]["name"]}]
    with pytest.raises(Invalid, match=r"environment_variables\.a b: is no name that a pod can have"):
        manifests(replace(wanted, environ={"a b": "1"}))


def test_a_configuration_that_cannot_be_used_says_what_is_wrong(tmp_path):
    file = tmp_path / "config"
    for text, message in (
        (None, "No such file"),
        ("a: [", "no kubeconfig with a current context"),
        ("current-context: x\ncontexts: []", "there is no context 'x'"),
    ):
        if text:
            file.write_text(text)
        with pytest.raises(Unreachable, match=message):
            connect(Access(str(file), ""))


@here
@pytest.mark.skipif("ATELIER_TEST_KUBECONFIG" not in os.environ, reason="no cluster is named")
def test_on_a_real_cluster(alice, settings, started, monkeypatch):
    monkeypatch.setattr(settings, "containers", "kubernetes")
    monkeypatch.setattr(settings, "kubernetes_config", os.environ["ATELIER_TEST_KUBECONFIG"])
    image = os.environ["ATELIER_TEST_KUBERNETES_IMAGE"]
    made = Node(settings, 1)
    try:
        command = "'id -u; echo $SECRET; cat /var/run/secrets/kubernetes.io/serviceaccount/token || true'"
        job = run(alice, made, "inside", image, command)
        assert job["status"] == "Completed", job["error"]
        user, secret, token = log_of("inside").splitlines()
        assert (user, secret) == (str(os.getuid() or 65534), "hidden words") and "No such file" in token
        job = run(alice, made, "greedy", image, "'tail /dev/zero'", "resources: {docker_args: -m 60m}\n")
        assert "more memory than its limit" in job["error"]["message"]
    finally:
        made.stop()
