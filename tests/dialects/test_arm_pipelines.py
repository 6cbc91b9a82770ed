"""Pipelines over Azure's API: nodes with components by their ids are submitted, run and read back as they were sent."""

from app.database import transaction
from app.jobs import queries
from app.kit.storage import store
from app.pipelines import service as pipelines

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
PIPELINE = f"{SCOPE}/jobs/pipe"
PREP = """\
name: prep
version: "1"
type: command
inputs:
  lr: {type: number, default: 0.1}
  data: {type: uri_folder}
outputs:
  out: {type: uri_folder}
command: python prep.py ${{inputs.lr}} ${{inputs.data}} ${{outputs.out}}
environment: azureml:pytorch-2.13-cpu@latest
"""
COMPONENT = f"{SCOPE}/components/prep/versions/1"


def literal(value: str) -> dict:
    return {"job_input_type": "literal", "value": value}


BOUND = {"type": "literal", "value": "${{parent.outputs.out}}"}
FIRST = {
    "name": "first",
    "type": "command",
    "_source": "BUILDER",
    "computeId": f"{SCOPE}/computes/cpu",
    "componentId": f"azureml:{COMPONENT}",
    "environment_variables": {"A": "b"},
    "inputs": {"lr": literal("${{parent.inputs.lr}}"), "data": literal("${{parent.inputs.data}}")},
    "outputs": {"out": {"job_output_type": "uri_folder", "mode": "Upload"}},
}
SECOND = {
    "name": "second",
    "type": "command",
    "componentId": f"azureml:{COMPONENT}",
    "inputs": {"data": literal("${{parent.jobs.first.outputs.out}}"), "lr": literal("0.7")},
    "outputs": {"out": BOUND},
}
SEARCH = {
    "name": "search",
    "type": "sweep",
    "trial": {"componentId": f"azureml:{COMPONENT}"},
    "inputs": {"data": literal("${{parent.jobs.first.outputs.out}}")},
    "search_space": {"lr": {"type": "uniform", "min_value": 0.1, "max_value": 1}},
    "sampling_algorithm": "random",
    "objective": {"goal": "maximize", "primary_metric": "acc"},
    "limits": {"max_total_trials": 3, "max_concurrent_trials": 2, "timeout": 100},
}
SENT = {
    "jobType": "Pipeline",
    "experimentName": "digits",
    "jobs": {"first": FIRST, "second": SECOND, "search": SEARCH},
    "inputs": {
        "lr": {"jobInputType": "literal", "value": "0.4"},
        "data": {"jobInputType": "uri_folder", "uri": f"azureml:{SCOPE}/data/digits/versions/1"},
    },
    "outputs": {"out": {"jobOutputType": "uri_folder", "assetName": "result"}},
    "settings": {"default_compute": f"{SCOPE}/computes/all", "continue_on_step_failure": True, "_source": "DSL"},
}


def test_a_pipeline_is_submitted_run_and_read_back(alice):
    made = alice.post("/api/components", json={"yaml": PREP})
    assert made.status_code == 201, made.text
    # Clients look for the computes before they send a pipeline; jobs run on the workers whatever they name.
    compute = alice.get(f"{SCOPE}/computes/cpu").json()
    assert (compute["name"], compute["properties"]["computeType"]) == ("cpu", "AmlCompute")
    answer = alice.put(PIPELINE, json={"properties": SENT})
    assert answer.status_code == 201, answer.text
    shown = alice.get(PIPELINE).json()["properties"]
    assert (shown["jobType"], shown["status"]) == ("Pipeline", "Running")
    assert shown["settings"] == {"default_compute": "all", "continue_on_step_failure": True}
    first, second, search = (shown["jobs"][name] for name in ("first", "second", "search"))
    assert first["componentId"] == second["componentId"] == search["trial"]["componentId"] == COMPONENT
    for name in ("computeId", "environment_variables", "inputs", "outputs"):
        assert first[name] == FIRST[name], name
    assert (second["inputs"], second["outputs"]) == (SECOND["inputs"], SECOND["outputs"])
    for name in ("inputs", "search_space", "objective", "limits"):
        assert search[name] == SEARCH[name], name
    with transaction() as session:
        pipelines.advance(session, queries.get(session, 1, "pipe").id)
    children = alice.get(f"/history/v1.0{SCOPE}/runs/pipe/children").json()["value"]
    assert [run["runId"] for run in children] == ["pipe_first"]
    logs = alice.get(f"/history/v1.0{SCOPE}/runs/pipe/details").json()["logFiles"]
    assert list(logs) == ["logs/azureml/executionlogs.txt"]
    log = alice.get(logs["logs/azureml/executionlogs.txt"], headers={"Authorization": ""})
    assert log.text.endswith("Z first (pipe_first) is submitted\n"), log.text
    assert alice.get(f"{SCOPE}/jobs/pipe_first").json()["properties"]["computeId"] == f"{SCOPE}/computes/cpu"


def test_a_component_that_there_is_not_is_named(alice):
    answer = alice.put(PIPELINE, json={"properties": SENT})
    assert answer.status_code == 400
    assert "prep" in answer.json()["error"]["message"]


def test_the_code_of_a_component_is_told_by_its_id(alice):
    store().write_bytes("workspaces/1/LocalUpload/abc/src/prep.py", b"print(1)")
    code = f"azureml:{SCOPE}/codes/abc/versions/1"
    spec = {"type": "command", "name": "coded", "command": "python prep.py", "code": code}
    made = alice.put(f"{SCOPE}/components/coded/versions/1", json={"properties": {"componentSpec": spec}})
    assert made.status_code == 201, made.text
    assert made.json()["properties"]["componentSpec"]["code"] == code


def test_a_pipeline_component_keeps_its_nodes(alice):
    alice.post("/api/components", json={"yaml": PREP})
    ports = {"lr": {"type": "number"}, "data": {"type": "uri_folder"}}
    spec = {"type": "pipeline", "name": "outer", "inputs": ports, "outputs": {"out": {"type": "uri_folder"}}}
    spec["jobs"] = {"first": FIRST, "second": SECOND}
    made = alice.put(f"{SCOPE}/components/outer/versions/1", json={"properties": {"componentSpec": spec}})
    assert made.status_code == 201, made.text
    nodes = made.json()["properties"]["componentSpec"]["jobs"]
    assert nodes["first"]["componentId"] == COMPONENT and nodes["first"]["inputs"] == FIRST["inputs"]
    assert nodes["second"]["outputs"] == SECOND["outputs"]
    inner = {"type": "pipeline", "componentId": f"azureml:{SCOPE}/components/outer/versions/1"}
    node = {**inner, "inputs": FIRST["inputs"], "outputs": {"out": BOUND}}
    answer = alice.put(PIPELINE, json={"properties": {**SENT, "jobs": {"whole": node}}})
    assert answer.status_code == 201, answer.text
    assert answer.json()["properties"]["jobs"]["whole"]["type"] == "pipeline"
