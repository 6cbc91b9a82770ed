"""Batch endpoints over Azure's API: made, read back, invoked with the bodies of its clients and of its guides."""

from app.kit.storage import store
from workers.reconcile import pipelines

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
ENDPOINT = f"{SCOPE}/batchEndpoints/reds"
ROOT = "azureml://datastores/workspaceblobstore/paths/uploads/x"
DEPLOYMENT = {
    "codeConfiguration": {"codeId": f"azureml:{SCOPE}/codes/abc/versions/1", "scoringScript": "score.py"},
    "compute": f"{SCOPE}/computes/cpu",
    "environmentId": f"{SCOPE}/environments/pytorch-2.13-cpu/versions/1",
    "environmentVariables": {"A": "b"},
    "errorThreshold": 5,
    "loggingLevel": "Warning",
    "maxConcurrencyPerInstance": 2,
    "miniBatchSize": 3,
    "model": {"referenceType": "Id", "assetId": f"{SCOPE}/models/weights/versions/1"},
    "outputAction": "AppendRow",
    "outputFileName": "reds.csv",
    "properties": {},
    "resources": {"instanceCount": 2},
    "retrySettings": {"maxRetries": 1, "timeout": "PT5M"},
}
COMPONENT = """\
name: copying
type: pipeline
inputs:
  data: {type: uri_folder}
  word: {type: string}
outputs:
  copied: {type: uri_folder}
jobs:
  copy:
    command: cp -r ${{inputs.data}} ${{outputs.copied}}; echo ${{inputs.word}}
    environment: azureml:pytorch-2.13-cpu@latest
    inputs: {data: "${{parent.inputs.data}}", word: "${{parent.inputs.word}}"}
    outputs: {copied: "${{parent.outputs.copied}}"}
"""


def ok(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def make(alice) -> None:
    store().write_bytes("workspaces/1/LocalUpload/abc/score/score.py", b"def run(batch): return batch\n")
    store().write_bytes("workspaces/1/uploads/x/weights/weights.txt", b"red")
    store().write_bytes("workspaces/1/uploads/x/in/a.csv", b"x\n1\n")
    alice.post("/models/register", data={"name": "weights", "source": f"{ROOT}/weights", "type": "custom_model"})
    made = alice.put(ENDPOINT, json={"location": "local", "properties": {"authMode": "AADToken"}, "tags": {"a": "b"}})
    assert ok(made, 201)["properties"]["scoringUri"].endswith(f"{ENDPOINT}/jobs")


def test_a_deployment_is_read_back_as_it_was_sent_and_invoked_in_any_case(alice, bob):
    make(alice)
    made = alice.put(f"{ENDPOINT}/deployments/blue", json={"properties": DEPLOYMENT, "tags": {"t": "u"}})
    assert ok(made, 201) == ok(alice.get(f"{ENDPOINT}/deployments/blue"))
    shown = made.json()["properties"]
    code = shown.pop("codeConfiguration")
    assert code["codeId"].endswith("/codes/abc/versions/1") and code["scoringScript"] == "score.py"
    for field, value in DEPLOYMENT.items():
        assert shown.get(field, code) == value or field in ("codeConfiguration", "retrySettings"), field
    assert shown["retrySettings"] == {"maxRetries": 1, "timeout": "PT300S"}
    # As the client sends it, and as Azure's guide writes it for curl.
    sent = {"inputData": {"data": {"jobInputType": "UriFolder", "uri": f"{ROOT}/in"}}, "miniBatchSize": 1}
    written = {"JobOutputType": "UriFile", "Uri": "azureml://datastores/workspaceblobstore/paths/out/all.csv"}
    spoken = {"InputData": {"data": {"JobInputType": "UriFile", "Uri": f"{ROOT}/in/a.csv"}}}
    spoken |= {"OutputData": {"score": written}, "name": "spoken", "properties": {"experimentName": "ex"}}
    job = ok(alice.post(f"{ENDPOINT}/jobs", json={"properties": sent}), 201)
    ok(alice.post(f"{ENDPOINT}/jobs", json={"properties": spoken}, headers={"azureml-model-deployment": "blue"}), 201)
    text = alice.get("/api/jobs/spoken/yaml").text
    assert "append_row_file_name: all.csv" in text and "experiment_name: ex" in text and "paths/out/" in text
    prefix = "/mferp/managementfrontend"
    listed = ok(alice.get(f"{prefix}{ENDPOINT}/deployments/blue/jobs"))["value"]
    assert [found["name"] for found in listed] == ["spoken", job["name"]]
    assert listed[0]["properties"]["status"] == "Running"
    wrong = ok(alice.post(f"{ENDPOINT}/jobs", json={"properties": {"inputData": {}}}), 400)
    assert wrong["error"]["target"] == "inputs"
    assert bob.delete(ENDPOINT).status_code == 403
    assert ok(alice.put(f"{ENDPOINT}/deployments/bad", json={"properties": {**DEPLOYMENT, "miniBatchSize": 0}}), 400)[
        "error"
    ]["target"].endswith("miniBatchSize")


def test_a_pipeline_is_deployed_by_its_component_or_by_a_job_and_takes_literals(alice):
    make(alice)
    ok(alice.post("/api/components", json={"yaml": COMPONENT, "uploads": {}}), 201)
    component = {"referenceType": "Id", "assetId": f"{SCOPE}/components/copying/versions/1"}
    configuration = {"deploymentConfigurationType": "PipelineComponent", "componentId": component}
    configuration["settings"] = {"ComponentDeployment.Settings.continue_on_step_failure": "True"}
    made = alice.put(
        f"{ENDPOINT}/deployments/pipe", json={"properties": {"deploymentConfiguration": configuration}, "tags": {}}
    )
    shown = ok(made, 201)["properties"]["deploymentConfiguration"]
    assert shown["componentId"] == component
    assert shown["settings"]["ComponentDeployment.Settings.continue_on_step_failure"] == "True"
    data = {"jobInputType": "UriFolder", "uri": f"{ROOT}/in"}
    asked = {"inputData": {"data": data, "word": {"jobInputType": "Literal", "value": "hello"}}, "name": "first"}
    ok(alice.post(f"{ENDPOINT}/jobs", json={"properties": asked}), 201)
    pipelines.reconcile()
    assert [step["id"] for step in alice.get("/api/jobs/first/graph").json()["nodes"]]
    again = {"name": "again", "type": "pipeline", "job_definition": "azureml:first"}
    ok(alice.post("/api/batch-endpoints/reds/deployments", json=again), 201)
    other = {"inputs": {"word": {"type": "string", "value": "bye"}}, "deployment_name": "again", "job_name": "second"}
    ok(alice.post("/api/batch-endpoints/reds/jobs", json=other), 201)
    text = alice.get("/api/jobs/second/yaml").text
    assert "bye" in text and f"{ROOT}/in" in text and "hello" not in text
