"""Registered environments: versions, references to them, images, builds and pages."""

from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import update

from app.compute import service as compute
from app.database import transaction
from app.environments import builder, builds
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec
from app.environments.tables import EnvironmentBuild
from app.errors import Unavailable
from app.jobs import containers
from app.jobs import queries as jobs
from app.kit.clock import now
from app.kit.storage import store
from workers.execution import environments
from workers.reconcile import lost_builds

MINE = """\
name: mine
description: What I need.
tags: {team: vision}
image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04
conda_file: conda.yml
"""
CONDA = {"conda.yml": "dependencies:\n  - python=3.11\n  - pip:\n    - atelier-probe==1.17.0\n"}


def create(client, yaml: str = MINE, uploads: dict | None = None):
    return client.post("/api/environments", json={"yaml": yaml, "uploads": CONDA if uploads is None else uploads})


def job_in(client, environment: str):
    return client.post("/api/jobs", json={"yaml": f"command: echo\nenvironment: {environment}\n"})


def environment_of(job: dict) -> dict:
    with transaction() as session:
        return jobs.get(session, 1, job["name"]).environment


def test_versions_are_numbered_labelled_and_immutable_and_leave_and_return(alice, bob, carol):
    first = create(carol)
    assert first.status_code == 201, first.text
    assert (first.json()["version"], first.json()["conda_file"]["dependencies"][0]) == ("1", "python=3.11")
    assert create(alice, MINE + "version: 1\n").json()["version"] == "1"
    other = {"conda.yml": CONDA["conda.yml"].replace("1.17", "1.16")}
    assert create(alice, MINE, other).json()["version"] == "2"
    taken = create(alice, MINE + "version: 1\n", other)
    assert (taken.status_code, taken.json()["target"]) == (409, "version")
    assert create(bob).status_code == 403

    base = "/api/environments/mine"
    alice.post(f"{base}/versions/2/archive")
    assert alice.get(base).json()["version"] == "1"
    alice.post(f"{base}/versions/2/restore")
    assert alice.patch(f"{base}/versions/1", json={"labels": ["good"]}).json()["labels"] == ["good"]
    assert bob.get(f"{base}?label=good").json()["version"] == "1"
    alice.patch(f"{base}/versions/2", json={"labels": ["good"]})
    assert bob.get(f"{base}?label=good").json()["version"] == "2"
    assert [item["version"] for item in bob.get(f"{base}/versions").json()["value"]] == ["2", "1"]
    assert alice.get(f"{base}/versions/1/build").json()["packages"] == {"atelier-probe": "1.17.0"}
    alice.post(f"{base}/archive")
    assert alice.get("/api/environments").json()["total"] == 0
    assert "pytorch-2.13-cpu" in [item["name"] for item in alice.get("/api/environments/curated").json()]


def test_references_are_strict_and_a_job_knows_its_environment(alice, sent):
    create(alice)
    job = job_in(alice, "azureml:mine@latest").json()
    assert job["name"] in alice.get("/jobs/_uses?kind=environments&name=mine&version=1").text
    for wrong, words in (
        ("azureml:mine:2", "no version '2'; it has 1"),
        ("azureml:mine@best", "no label 'best'"),
        ("azureml:min:1", "did you mean 'mine'"),
        ("azureml:sklearn-1.5@latest", "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"),
        ("azureml:pytorch-2.13-cpu:7", "has version '1'"),
        ("azureml://registries/ours/environments/x/labels/latest", "no registry 'ours'"),
    ):
        answer = job_in(alice, wrong)
        assert answer.status_code == 404 and words in answer.json()["detail"], answer.text
    assert job_in(alice, "not a name").status_code == 400
    stood_in = job_in(alice, "azureml://registries/azureml/environments/sklearn-1.5/versions/33").json()
    assert any("sklearn-1.5 is not kept here" in warning for warning in stood_in["warnings"])


def test_an_image_stands_for_what_the_table_says(alice, bob, sent):
    create(alice)
    job = job_in(alice, "{image: 'mcr.microsoft.com/azureml/curated/tensorflow-2.16-cuda12:7'}").json()
    assert any("tensorflow-2.21-cpu stands in for it" in warning for warning in job["warnings"])
    row = {"image": "docker.io/ours/*", "environment": "azureml:mine@latest"}
    assert alice.put("/api/environments/images", json=row).status_code == 200
    assert bob.put("/api/environments/images", json=row).status_code == 403
    wrong = alice.put("/api/environments/images", json=row | {"environment": "azureml:gone:1"})
    assert wrong.status_code == 404
    job = job_in(alice, "{image: docker.io/ours/train:3}").json()
    assert any("environment mine stands in" in warning for warning in job["warnings"])
    page = alice.get("/environments/images").text
    assert "docker.io/ours/*" in page and "mcr.microsoft.com/azureml/*" in page
    number = alice.get("/api/environments/images").json()[0]["id"]
    assert alice.delete(f"/api/environments/images/{number}").status_code == 204


def test_where_a_worker_has_an_engine_an_image_is_itself(alice, sent):
    with transaction() as session:
        facts = {"pid": 1, "slots": 1, "processors": 1, "memory_bytes": 2**34}
        compute.join(session, name="w", host="w", engine="docker 28.0", **facts)
    assert "docker 28.0" in alice.get("/compute").text
    image = "{image: 'mcr.microsoft.com/azureml/curated/tensorflow-2.16-cuda12:7'}"
    job = job_in(alice, image).json()
    assert job["warnings"] == []
    assert environment_of(job)["container"] == {"image": "mcr.microsoft.com/azureml/curated/tensorflow-2.16-cuda12:7"}
    row = {"image": "mcr.microsoft.com/azureml/curated/*", "environment": "azureml:pytorch-2.13-cpu:1"}
    alice.put("/api/environments/images", json=row)
    job = job_in(alice, image).json()
    assert environment_of(job)["container"] is None and "stands in" in job["warnings"][0]

    store().write("workspaces/1/uploads/d/Dockerfile", [b"FROM ubuntu:24.04\nRUN apt-get install -y jq\n"])
    uploads = {"./docker": "azureml://datastores/workspaceblobstore/paths/uploads/d"}
    made = create(alice, "name: jq\nbuild: {path: ./docker}\n", uploads)
    assert (made.status_code, made.json()["warnings"]) == (201, []), made.text
    found = environment_of(job_in(alice, "azureml:jq:1").json())
    build = {"key": "workspaces/1/uploads/d", "dockerfile_path": "Dockerfile"}
    assert (found["container"], found["is_image_only"]) == ({"build": build}, True)
    with pytest.raises(Unavailable, match="runs in its image only"):
        environments.build(EnvironmentSpec.from_dict(found), None, print)


def test_a_cluster_runs_images_but_builds_and_serves_none(alice, sent):
    with transaction() as session:
        facts = {"pid": 1, "slots": 1, "processors": 1, "memory_bytes": 2**34}
        compute.join(session, name="w", host="w", engine="kubernetes 1.30", **facts)
    assert job_in(alice, "{image: 'docker.io/ours/train:3'}").json()["warnings"] == []
    store().write("workspaces/1/uploads/d/Dockerfile", [b"FROM ubuntu:24.04\nRUN apt-get install -y jq\n"])
    uploads = {"./docker": "azureml://datastores/workspaceblobstore/paths/uploads/d"}
    assert create(alice, "name: jq\nbuild: {path: ./docker}\n", uploads).status_code == 400
    alice.post("/api/online-endpoints", json={"name": "own-server"})
    route = {"port": 8501, "path": "/"}
    routes = {"liveness_route": route, "readiness_route": route, "scoring_route": route}
    environment = {"image": "docker.io/tensorflow/serving:latest", "inference_config": routes}
    asked = {"name": "blue", "environment": environment}
    refused = alice.post("/api/online-endpoints/own-server/deployments", json=asked)
    assert refused.status_code == 400 and "no worker has one" in refused.text


def test_a_job_says_where_it_ran(alice, sent):
    name = job_in(alice, "{image: 'docker.io/ours/train:3'}").json()["name"]
    assert "stands in" in alice.get(f"/jobs/{name}").text
    with transaction() as session:
        job = jobs.get(session, 1, name)
        image = {"image": "docker.io/ours/train:3", "id": "sha256:1", "engine": "docker 28.0"}
        containers.keep(job, image, job.environment["notes"])
    page = alice.get(f"/jobs/{name}").text
    assert "a container of docker 28.0" in page and "stands in" not in page
    with transaction() as session:
        containers.keep(jobs.get(session, 1, name), None, ["The image could not be pulled: no such host"])
    assert "could not be pulled: no such host" in alice.get(f"/jobs/{name}").text


def test_a_build_context_gives_what_its_dockerfile_installs(alice, started):
    root = "workspaces/1/uploads/c"
    store().write(f"{root}/Dockerfile", [b"FROM python:3.11\nCOPY a.txt .\nRUN pip install -r a.txt\n"])
    store().write(f"{root}/a.txt", [b"six==1.17.0\n"])
    file = "name: built\nbuild: {path: ./docker}\n"
    uploads = {"./docker": "azureml://datastores/workspaceblobstore/paths/uploads/c"}
    made = create(alice, file, uploads)
    assert made.status_code == 201, made.text
    assert alice.get("/api/environments/built/versions/1/build").json()["packages"] == {"six": "1.17.0"}
    assert "is a path on your machine" in create(alice, file, {}).json()["detail"]


def test_everything_wrong_with_a_file_is_said_at_once(alice):
    answer = create(alice, "nam: x\nos_type: windows\nbuild: {path: .}\nimage: x\n", {})
    said = "\n".join([answer.json()["detail"], *answer.json()["details"]])
    assert answer.status_code == 400
    for words in ("line 1, column 1: `nam` is not a field", "jobs run on Linux", "not both"):
        assert words in said


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_build_is_seen_while_it_goes_on_and_when_it_failed(alice, tmp_path):
    create(alice)
    spec = EnvironmentSpec.from_dict(
        {"name": "mine", "requirements": ["atelier-probe==1.17.0"], "python_version": "3.11"}
    )
    address = "/api/environments/mine/versions/1/build"
    assert alice.get(address).json()["state"] == "Not built"
    with builds.recorded(
        spec, lambda: {"packages": [["atelier-probe", "1.17.0"]], "python_version": "3.11.2"}
    ) as write:
        write("Downloading atelier-probe")
        log = alice.get(f"{address}/log")
        assert "Downloading atelier-probe" in log.text and log.headers["X-Log-Final"] == "false"
        lost_builds.reconcile()
        assert alice.get(address).json()["state"] == "Building"
        job = alice.post("/api/jobs", json={"command": "x", "environment": "azureml:mine:1"}).json()["name"]
        waits = alice.get(f"/api/jobs/{job}").json()["waiting"]
        assert waits["reason"] == "No worker is here to run it; its environment mine is being built."
        with transaction() as session:
            # As after a while in which nothing was heard of its builder.
            session.execute(update(EnvironmentBuild).values(lease_expires_at=now() - timedelta(seconds=1)))
        lost_builds.reconcile()
        assert alice.get(address).json()["state"] == "Failed"
        assert "was lost" in alice.get(address).json()["error"]
    assert alice.get(f"{address}/log").headers["X-Log-Final"] == "true"
    assert "event: end" in alice.get(f"{address}/log/stream").text
    built = alice.get(address).json()
    assert built["packages"] == {"atelier-probe": "1.17.0"} and built["error"] is None

    wrong = EnvironmentSpec("mine", spec.requirements, ("--no-index",), spec.python_version)
    with pytest.raises(EnvironmentBuildFailed):
        builder.build(wrong, tmp_path, lambda line: None, record=lambda _: builds.recorded(spec, dict))
    assert "package atelier-probe" in alice.get(address).json()["error"]
    assert "could not be built" in unescape(alice.get("/environments/mine").text)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_pages_make_describe_and_archive(alice, bob):
    assert "No environments of your own yet" in alice.get("/environments").text
    sent = {"packages": ("conda.yml", CONDA["conda.yml"])}
    made = alice.post("/environments/new", data={"yaml": MINE}, files=sent)
    assert made.headers["location"].endswith("/environments/mine/versions/1"), unescape(made.text)
    assert bob.get("/environments/new").status_code == 403
    for page, words in (
        ("/environments", "mine"),
        ("/environments/mine", "1.17.0"),
        ("/environments/mine/versions/1/log", "Not built yet"),
        ("/environments/mine/versions/1/definition", "atelier-probe==1.17.0"),
        ("/environments/mine/versions", "@latest"),
        ("/environments/pytorch-2.13-cpu", "sklearn-*"),
        ("/environments/new?name=mine", "What I need."),
    ):
        assert words in unescape(bob.get(page).text if "new" not in page else alice.get(page).text), page
    wrong = alice.post("/environments/new", data={"yaml": MINE})
    assert wrong.status_code == 400 and "is a path on your machine" in unescape(wrong.text)
    alice.post("/environments/mine/versions/1/describe", data={"description": "Better", "labels": "good, best"})
    assert "@best" in alice.get("/environments/mine").text
    alice.post("/environments/mine/archive")
    assert "No environments of your own yet" in alice.get("/environments").text
