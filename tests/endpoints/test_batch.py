"""Batch endpoints: deployments of models, and the jobs that score their inputs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select, update

from app.access.queries import workspaces
from app.database import reading, transaction
from app.endpoints.batch.job_files import job_file
from app.endpoints.batch.schemas import BatchDeploymentCreate, Invocation
from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint
from app.jobs.lifecycle import Status
from app.jobs.places import journals_key, progress_key
from app.jobs.specification import load_command_job
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.storage import store
from workers.execution.carrying import Carrier
from workers.execution.folder import JobFolder
from workers.execution.guest import pieces
from workers.execution.parallel import command_of
from workers.execution.prepare import Plan
from workers.reconcile import lost_jobs, pipelines

EXAMPLE = Path(__file__).parents[2] / "examples" / "batch"
ROOT = "azureml://datastores/workspaceblobstore/paths/uploads/x"
ENDPOINTS = "/api/batch-endpoints"
NAMED = {
    "model": "azureml:moods:1",
    "code_configuration": {"code": f"{ROOT}/src", "scoring_script": "score.py"},
}
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


def test_the_example_scores_its_files(tmp_path):
    deployment = BatchDeploymentCreate.model_validate(yaml.safe_load((EXAMPLE / "deployment.yml").read_text()) | NAMED)
    endpoint = BatchEndpoint(name="words")
    row = BatchDeployment(name="moods", endpoint=endpoint, spec=deployment.model_dump(mode="json"))
    text = yaml.safe_dump(job_file(row, Invocation(input={"path": "azureml:texts:1"})))
    step = load_command_job(text, find_component=lambda _: None).steps["batchscoring"].job
    (tmp_path / "score").mkdir()
    (tmp_path / "score" / "old.txt").touch()
    inputs = {"input": str(EXAMPLE / "data"), "model": str(EXAMPLE / "model")}
    asked = step.parallel | {"entry_script": str(EXAMPLE / "src" / step.parallel["entry_script"])}
    command = command_of(asked, {"input": "uri_folder"}, tmp_path, inputs, {"score": str(tmp_path / "score")})
    done = subprocess.run([sys.executable, *command.split()[1:]], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = ["monday.txt,5,3", "tuesday.txt,9,-4", "wednesday.txt,3,1"]
    assert (tmp_path / "score" / "moods.csv").read_text().splitlines() == rows
    config = json.loads((tmp_path / "parallel.json").read_text())
    assert config["environment"]["AZUREML_BI_OUTPUT_PATH"] == str(tmp_path / "score")


def test_a_lost_worker_s_rows_are_with_the_next_one_and_the_page_is_told_how_far_it_is(alice, wine, tmp_path):
    post(alice, f"{wine}/deployments", scripted())
    post(alice, f"{wine}/jobs", {"input": {"path": f"{ROOT}/in"}, "job_name": "night"})
    pipelines.reconcile()
    with transaction() as session:
        step = session.scalar(select(Job).where(Job.type == "parallel"))
        step.attempt = 1
        plan = Plan(
            step.id, step.name, step.workspace_id, "default", 1, "e", "", None, None, {}, {}, step.spec, None, ""
        )
    first = JobFolder(tmp_path / "1")
    (first.guest / "parallel.journal").write_bytes(b"rows")
    (first.guest / "parallel.progress").write_text('{"share": 0.5, "seconds_left": 3.0, "rows": 10}')
    Carrier(plan, first).ship()
    lost = {"status": Status.RUNNING, "lease_expires_at": now(), "worker_id": None}
    for attempt, then in ((1, Status.QUEUED), (4, Status.FAILED)):
        with transaction() as session:
            session.execute(update(Job).where(Job.id == plan.job_id).values(**lost, attempt=attempt))
        lost_jobs.reconcile()
        with reading() as session:
            assert session.get_one(Job, plan.job_id).status is then
    second, plan.attempt = JobFolder(tmp_path / "2"), 2
    carrier = Carrier(plan, second)
    carrier.fetch()
    assert (second.guest / "earlier" / "000001").read_bytes() == b"rows"
    carrier.clear()
    assert not store().list(journals_key(plan.workspace_id, plan.name))


def test_a_table_is_cut_between_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 40)
    rows = [f'{number},"say ""{number}""\nand, go"\n' for number in range(50)]
    (tmp_path / "a.csv").write_text("n,text\n" + "".join(rows))
    (tmp_path / "b.csv").write_text("n\n1\n")
    cut = [task["pieces"] for task in pieces.mini_batches([str(tmp_path / name) for name in ("a.csv", "b.csv")], 10)]
    assert len(cut) > 10 and cut.pop() == [{"path": str(tmp_path / "b.csv"), "bytes": 4}]
    texts = [pieces.text_of(piece).decode() for (piece,) in cut]
    assert all(text.startswith("n,text\n") for text in texts)
    assert "".join(text.removeprefix("n,text\n") for text in texts) == "".join(rows)
    assert sum(pieces.records(piece) for (piece,) in cut) == 50


def test_pages_deploy_score_and_show_how_far_it_is(alice, bob, wine):
    assert "No deployment yet" in alice.get("/batch-endpoints/wines").text
    form = {"endpoint": "wines", "deployment": "blue", "model": "wine:1", "mini_batch_size": "0"}
    refused = alice.post("/batch-endpoints/new", data=form)
    assert refused.status_code == 400 and "greater than or equal to 1" in refused.text
    assert alice.post("/batch-endpoints/new", data=form | {"mini_batch_size": "5"}).status_code == 303
    page = "/batch-endpoints/wines"
    assert "5 files" in alice.get(page).text and "Not invoked yet" in alice.get(page).text
    for name in ("invoke", "jobs", "consume"):
        assert alice.get(f"{page}/{name}").status_code == 200
    missing = alice.post(f"{page}/invoke", data={"deployment": "blue", "path": "azureml:nothing:1"})
    assert missing.status_code == 404 and "nothing" in missing.text
    job = alice.post(f"{page}/invoke", data={"deployment": "blue", "path": f"{ROOT}/in", "job_name": "night"})
    assert job.headers["location"].endswith("/jobs/night")
    pipelines.reconcile()
    with transaction() as session:
        step = session.scalar(select(Job).where(Job.type == "parallel"))
        told = {"items": 1234, "unit": "rows", "items_total": None, "share": 0.5, "seconds_left": 61.0}
        told = json.dumps(told | {"failed_items": 2})
        store().write_bytes(progress_key(step.workspace_id, step.name), told.encode())
    shown = alice.get(f"{page}/jobs").text
    assert "1,234 rows, 2 failed" in shown and "61 s left" in shown and 'value="50"' in shown
    fragment = alice.get(f"/jobs/{step.name}/_progress").text
    assert "61 s left" in fragment and "hx-trigger" in fragment
    assert alice.get(f"/api/jobs/{step.name}/progress").json()["items"] == 1234
    assert "night" in alice.get("/batch-endpoints").text
    assert bob.post(f"{page}/delete").status_code == 403
    assert alice.post(f"{page}/delete").headers["location"].endswith("/batch-endpoints")
