"""Batch endpoints: deployments of models, and the jobs that score their inputs."""

import subprocess
import sys

import pytest

from app.access.queries import workspaces
from app.database import reading
from app.jobs.specification import load_command_job
from app.kit.storage import store
from workers.execution.parallel import command_of
from workers.reconcile import pipelines

ROOT = "azureml://datastores/workspaceblobstore/paths/uploads/x"
ENDPOINTS = "/api/batch-endpoints"
SCRIPT = """\
import os
def init():
    global word
    word = open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.txt")).read()
def run(mini_batch):
    print(os.environ["AZUREML_BI_OUTPUT_PATH"])
    return [f"{os.path.basename(path)} {word}" for path in mini_batch]
"""
MLMODEL = "flavors:\n  python_function: {loader_module: mlflow.sklearn}\n"


def post(client, path, body, status=201):
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def wine(alice) -> str:
    """An endpoint over a model with a script, and the files that they are made of."""
    with reading() as session:
        found = next(found.id for found in workspaces(session) if found.name == "default")
    root = f"workspaces/{found}/uploads/x"
    store().write_bytes(f"{root}/model/MLmodel", MLMODEL.encode())
    store().write_bytes(f"{root}/weights/weights.txt", b"red")
    store().write_bytes(f"{root}/code/score.py", SCRIPT.encode())
    store().write_bytes(f"{root}/in/a.csv", b"x\n1\n")
    alice.post("/models/register", data={"name": "wine", "source": f"{ROOT}/model"})
    alice.post("/models/register", data={"name": "weights", "source": f"{ROOT}/weights", "type": "custom_model"})
    post(alice, ENDPOINTS, {"name": "wines"})
    return f"{ENDPOINTS}/wines"


def scripted(**settings) -> dict:
    code = {"code": f"{ROOT}/code", "scoring_script": "score.py"}
    return {"name": "scripted", "model": "azureml:weights:1", "code_configuration": code, "settings": settings}


def test_an_invocation_is_a_job_of_the_default_deployment(alice, wine):
    post(alice, f"{wine}/deployments", {"name": "plain", "model": "azureml:wine@latest"})
    post(alice, f"{wine}/deployments", scripted(mini_batch_size=3))
    asked = {"input": {"path": f"{ROOT}/in"}, "job_name": "night", "mini_batch_size": 2, "instance_count": 2}
    assert post(alice, f"{wine}/jobs", asked)["type"] == "pipeline"
    post(alice, f"{wine}/jobs", {"input": {"path": f"{ROOT}/in"}, "deployment_name": "scripted"})
    pipelines.reconcile()
    step = alice.get("/api/jobs/night/graph").json()["nodes"]
    assert "batchscoring" in str(step)
    assert alice.get(f"{wine}/jobs").json()["total"] == 2
    assert [job["name"] for job in alice.get(f"{wine}/jobs?deployment=plain").json()["value"]] == ["night"]
    assert "azureml:wine:1" in alice.get("/api/jobs/night/yaml").text


def test_the_default_deployment_stays_while_others_do(alice, bob, wine):
    assert "no default" in str(post(alice, f"{wine}/jobs", {"input": {"path": f"{ROOT}/in"}}, 409))
    post(alice, f"{wine}/deployments", {"name": "plain", "model": "azureml:wine:1"})
    post(alice, f"{wine}/deployments", scripted())
    assert alice.delete(f"{wine}/deployments/plain").status_code == 409
    unknown = alice.patch(wine, json={"defaults": {"deployment_name": "green"}})
    assert unknown.status_code == 404 and "plain, scripted" in unknown.text
    changed = alice.patch(wine, json={"defaults": {"deployment_name": "scripted"}}).json()
    assert changed["defaults"] == {"deployment_name": "scripted"}
    assert alice.delete(f"{wine}/deployments/plain").status_code == 204
    assert "python_function" in str(
        post(alice, f"{wine}/deployments", {"name": "bad", "model": "azureml:weights:1"}, 400)
    )
    assert bob.delete(wine).status_code == 403 and alice.delete(wine).status_code == 204


def test_the_script_finds_its_model_and_rows_get_the_name_of_the_deployment(alice, wine, tmp_path):
    post(alice, f"{wine}/deployments", scripted(output_file_name="reds.txt"))
    name = post(alice, f"{wine}/jobs", {"input": {"path": f"{ROOT}/in"}})["name"]
    job = load_command_job(alice.get(f"/api/jobs/{name}/yaml").text, find_component=lambda _: None)
    step = job.steps["batchscoring"].job
    for folder, file, text in (("in", "a.csv", "1"), ("model", "weights.txt", "red"), ("score", "old.txt", "")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(text)
    (tmp_path / "score.py").write_text(SCRIPT)
    inputs = {"input": str(tmp_path / "in"), "model": str(tmp_path / "model")}
    outputs = {"score": str(tmp_path / "score")}
    command = command_of(step.parallel, {"input": "uri_folder"}, tmp_path, inputs, outputs)
    done = subprocess.run([sys.executable, *command.split()[1:]], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "score" / "reds.txt").read_text() == "a.csv red\n"
    assert str(tmp_path / "score") in done.stdout
