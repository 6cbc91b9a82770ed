"""A submitted job runs in its image from claim to end, or in what stands in for it."""

import sys
from pathlib import Path

import pytest

from app.environments import builder
from app.kit.storage import store
from tests.workers.containers.conftest import IMAGE
from workers.execution import runner
from workers.node import Node

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
YAML = """\
name: {name}
command: cat ${{{{inputs.given}}}} > ${{{{outputs.made}}}}/copy.txt; echo in $(id -u) at $MLFLOW_RUN_ID
environment: {{image: '{image}'}}
inputs: {{given: {{type: uri_file, path: azureml://datastores/workspaceblobstore/paths/uploads/given.txt}}}}
outputs: {{made: {{type: uri_folder}}}}
"""


@pytest.fixture
def node(settings, started, engine):
    made = Node(settings, 1)
    made.engine = engine
    yield made
    made.stop()


def run(alice, node: Node, name: str, image: str) -> tuple[dict, str]:
    """The job at its end, and what it printed."""
    store().write("workspaces/1/uploads/given.txt", [b"some text\n"])
    submitted = alice.post("/api/jobs", json={"yaml": YAML.format(name=name, image=image)})
    assert submitted.status_code == 201, submitted.text
    runner.run(node, *runner.take(node))
    log = b"".join(store().read(f"workspaces/1/jobs/{name}/logs/user_logs/std_log.txt")).decode()
    return alice.get(f"/api/jobs/{name}").json(), log


def test_a_job_reads_and_writes_in_its_image(alice, node):
    job, log = run(alice, node, "inside", IMAGE)
    assert job["status"] == "Completed", (job["error"], log)
    assert log.startswith("in ") and log.endswith(" at inside\n")
    assert b"".join(store().read("workspaces/1/jobs/inside/outputs/made/copy.txt")) == b"some text\n"
    page = alice.get("/jobs/inside").text
    assert IMAGE in page and "a container of docker" in page


def test_where_an_image_cannot_be_had_its_environment_stands_in(alice, node, monkeypatch):
    monkeypatch.setattr(builder, "find", lambda *_: Path(sys.executable))
    node.settings.containers = "auto"
    job, log = run(alice, node, "beside", "localhost:1/gone:1")
    assert job["status"] == "Completed", (job["error"], log)
    assert "localhost:1/gone:1 could not be pulled" in job["warnings"][0] and "stands in" in job["warnings"][1]
    node.settings.containers = "docker"
    job = run_failing(alice, node)
    assert job["status"] == "Failed" and "could not be pulled" in job["error"]["message"]


def run_failing(alice, node: Node) -> dict:
    alice.post("/api/jobs", json={"yaml": YAML.format(name="must", image="localhost:1/gone:1")})
    runner.run(node, *runner.take(node))
    return alice.get("/api/jobs/must").json()
