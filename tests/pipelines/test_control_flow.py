"""Conditions, loops and for-each, from the file to the jobs, with the workers' part played by moves."""

import pytest

from app.database import transaction
from app.errors import Invalid
from app.jobs import moves, places
from app.jobs.lifecycle import Status
from app.jobs.specification import load_command_job
from app.jobs.tables import Job
from app.kit.storage import store
from workers.reconcile import pipelines

YAML = """\
type: pipeline
name: flow
outputs: {model: {type: uri_folder}, scores: {type: mltable}}
jobs:
  check: {command: "python check.py ${{outputs.good}}", outputs: {good: {type: uri_file}}}
  branch:
    type: if_else
    condition: ${{parent.jobs.check.outputs.good}}
    true_block: ${{parent.jobs.train}}
    false_block: ${{parent.jobs.repair}}
  train:
    command: python train.py ${{inputs.start}} ${{outputs.model}} ${{outputs.more}}
    inputs: {start: {type: uri_folder, path: "https://example.com/start"}}
    outputs: {model: "${{parent.outputs.model}}", more: {type: uri_file}}
  repair: {command: python repair.py}
  loop:
    type: do_while
    body: ${{parent.jobs.train}}
    condition: ${{parent.jobs.train.outputs.more}}
    mapping: {model: "${{parent.jobs.train.inputs.start}}"}
    limits: {max_iteration_count: 3}
  each:
    type: parallel_for
    body: ${{parent.jobs.score}}
    items: '[{"part": 1}, {"part": 2}, {"part": 3}]'
    max_concurrency: 2
    outputs: {score: "${{parent.outputs.scores}}"}
  score:
    command: python score.py ${{inputs.part}} ${{inputs.model}} ${{outputs.score}}
    inputs: {model: "${{parent.jobs.loop.outputs.model}}"}
    outputs: {score: {type: uri_file}}
  choose:
    command: python choose.py ${{inputs.scores}}
    inputs: {scores: {type: mltable, path: "${{parent.jobs.each.outputs.score}}"}}
"""


def states(client, name):
    nodes = client.get(f"/api/jobs/{name}/graph").json()["nodes"]
    return {node["id"]: node["status"] for node in nodes}


def end(name, **outputs):
    with transaction() as session:
        job = session.query(Job).filter_by(name=name).one()
        moves.move(session, job, Status.RUNNING)
        for port, text in outputs.items():
            store().write_bytes(f"{places.output_key(job, port)}/{port}", text.encode())
        moves.move(session, job, Status.COMPLETED)
    for _ in range(3):
        pipelines.reconcile()


def test_branches_loops_and_items(alice):
    answer = alice.post("/api/jobs", json={"yaml": YAML})
    assert answer.status_code == 201, answer.text
    pipelines.reconcile()
    assert list(states(alice, "flow")) == ["check", "loop", "repair", "each", "choose"]
    end("flow_check", good="True\n")
    assert states(alice, "flow") == {
        "check": "Completed", "loop": "Running", "repair": "Skipped", "each": "NotStarted",
        "choose": "NotStarted",
    }  # fmt: skip
    end("flow_loop_iteration_0", model="first", more="true")
    second = alice.get("/api/jobs/flow_loop_iteration_1").json()
    assert second["inputs"]["start"]["path"] == "azureml://jobs/flow_loop_iteration_0/outputs/model"
    end("flow_loop_iteration_1", model="second", more="false")
    assert states(alice, "flow_loop")["iteration_2"] == "Skipped"
    assert states(alice, "flow_each") == {"item_0": "Queued", "item_1": "Queued", "item_2": "NotStarted"}
    end("flow_each_item_0", score="0.5")
    item = alice.get("/api/jobs/flow_each_item_2").json()
    assert item["status"] == "Queued" and item["inputs"]["part"] == {"value": "3"}
    end("flow_each_item_1")
    end("flow_each_item_2", score="0.7")
    given = alice.get("/api/jobs/flow_choose").json()["inputs"]["scores"]
    assert given["type"] == "mltable" and given["path"] == "azureml://jobs/flow_each/outputs/score"
    table = store().read_bytes("workspaces/1/jobs/flow_each/outputs/score/MLTable").decode()
    # The run that left nothing is not in the table.
    assert "./item_0/score" in table and "./item_2/score" in table and "item_1" not in table
    assert store().read_bytes("workspaces/1/jobs/flow_each/outputs/score/item_2/score") == b"0.7"
    files = alice.get("/api/jobs/flow_each/artifacts", params={"root": "output:score"}).json()["value"]
    assert [(file["path"], file["is_dir"]) for file in files] == [
        ("item_0", True), ("item_2", True), ("MLTable", False),
    ]  # fmt: skip
    children = alice.get("/api/jobs", params={"parent": "flow_each", "sort": "name"}).json()["value"]
    assert [job["name"] for job in children] == [f"flow_each_item_{number}" for number in range(3)]
    end("flow_choose")
    job = alice.get("/api/jobs/flow").json()
    # What the loop leaves is what its last iteration wrote.
    assert job["status"] == "Completed" and job["outputs"]["model"]["job"] == "flow_loop_iteration_1"
    assert job["outputs"]["scores"]["job"] == "flow_each"


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("jobs.train}}\n    false", "jobs.trian}}\n    false", "`jobs.branch.true_block`"),
        ("check.outputs.good}}", "check.outputs.god}}", "no output `god`"),
        ("max_iteration_count: 3", "max_iteration_count: 0", "jobs.loop.limits.max_iteration_count"),
        ("mapping: {model", "mapping: {modl", "no output of the body"),
        ('[{"part": 1}', "[{", "not JSON"),
        ('outputs: {score: "$', 'outputs: {scor: "$', "`jobs.each.outputs.scor` is no output of the body"),
    ],
)
def test_a_mistake_is_told(change, to, words):
    with pytest.raises(Invalid) as error:
        load_command_job(YAML.replace(change, to, 1), find_component=lambda _: None)
    assert words in str([error.value.message, *error.value.details])
