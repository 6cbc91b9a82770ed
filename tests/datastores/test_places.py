"""Jobs and data assets on datastores: what is found at submission, read by a worker and written at the end."""

from pathlib import Path

import pytest

from app.database import reading
from app.datastores import stores
from app.datastores.kinds import DATASTORES
from app.jobs import output_places, queries
from app.jobs.results import collect

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
FOLDER = "name: shelf\ntype: file\npath: {}\n"
JOB = """\
command: cat ${{inputs.data}}
environment: azureml:pytorch-2.13-cpu@latest
inputs:
  data: {type: uri_file, path: azureml://datastores/shelf/paths/in/a.csv}
outputs:
  result: {path: "azureml://datastores/shelf/paths/out/${{name}}/${{output_name}}"}
"""
OWN = """\
command: echo
environment: azureml:pytorch-2.13-cpu@latest
outputs:
  result: {path: "azureml://datastores/${{default_datastore}}/paths/results/${{name}}"}
  kept: {path: azureml://datastores/workspaceblobstore/paths/jobs/a}
  table: {type: uri_file, path: "azureml://datastores/workspaceblobstore/paths/tables/${{name}}.csv"}
"""


@pytest.fixture
def shelf(settings, alice, tmp_path) -> Path:
    folder = tmp_path / "shelf"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.csv").write_text("x\n1\n")
    assert alice.post("/api/datastores", json={"yaml": FOLDER.format(folder)}).status_code == 201
    settings.datastore_folders = str(tmp_path / "shelf")
    stores.connect(settings)
    yield folder
    settings.datastore_folders = ""
    stores.connect(settings)


def submit(client, yaml: str):
    return client.post("/api/jobs", json={"yaml": yaml})


def place(name: str) -> stores.Place:
    with reading() as session:
        return stores.Place.of(DATASTORES.get(session, 1, name))


def test_inputs_data_assets_and_outputs_lie_on_a_datastore(alice, shelf, tmp_path):
    job = submit(alice, JOB)
    assert job.status_code == 201, job.text
    assert stores.open_files(place("shelf")).local_path("in/a.csv").read_text() == "x\n1\n"
    made = alice.post("/api/data", json={"name": "kept", "type": "uri_file",
                                         "path": "azureml://datastores/shelf/paths/in/a.csv"})  # fmt: skip
    assert made.status_code == 201, made.text
    page = alice.get("/data/kept").text
    assert "azureml://datastores/shelf/paths/in/a.csv" in page
    named = submit(alice, JOB.replace("azureml://datastores/shelf/paths/in/a.csv", "azureml:kept:1"))
    assert named.json()["inputs"]["data"]["path"] == "azureml:kept:1"

    name = job.json()["name"]
    (tmp_path / "outputs" / "result").mkdir(parents=True)
    (tmp_path / "outputs" / "result" / "b.txt").write_text("done")
    with reading() as session:
        found = queries.get(session, 1, name)
        assert found.inputs["data"]["datastore"] == "shelf"
        assert output_places.of(session, found)["result"][1] == f"out/{name}/result"
        job_id = found.id
    assert collect(job_id, tmp_path / "outputs", tmp_path / "work").ports == ["result"]
    assert (shelf / "out" / name / "result" / "b.txt").read_text() == "done"


def test_links_that_leave_a_folder_are_as_if_they_were_not_there(alice, settings, shelf, tmp_path):
    (tmp_path / "secret.txt").write_text("s3cr3t")
    for name, target in (("link.txt", tmp_path / "secret.txt"), ("all", tmp_path), ("gone", tmp_path / "nothing")):
        (shelf / "in" / name).symlink_to(target)
    asset = {"name": "shelf", "type": "uri_folder", "path": "azureml://datastores/shelf/paths/in"}
    assert alice.post("/api/data", json=asset).status_code == 201
    page = alice.get("/data/shelf/versions/1/files").text
    assert "a.csv" in page and "link.txt" not in page
    for path in ("link.txt", "all/secret.txt"):
        refused = alice.get("/api/data/shelf/versions/1/content", params={"path": path})
        assert refused.status_code == 404 and "s3cr3t" not in refused.text
    stores.open_files(place("shelf")).download("in", tmp_path / "fetched")
    assert [path.name for path in (tmp_path / "fetched").rglob("*")] == ["a.csv"]


def test_what_cannot_be_reached_is_refused_at_submission_with_the_reason(alice, settings, shelf, tmp_path):
    lake = "name: lake\ntype: azure_data_lake_gen1\nstore_name: a\n"
    alice.post("/api/datastores", json={"yaml": lake})
    site = "name: site\ntype: http\nurl: http://127.0.0.1:9\n"
    alice.post("/api/datastores", json={"yaml": site})
    refused = submit(alice, JOB.replace("datastores/shelf/paths/in", "datastores/lake/paths/in"))
    assert (refused.status_code, refused.json()["target"]) == (400, "inputs.data.path")
    assert "azure_data_lake_gen1" in refused.json()["detail"]
    refused = submit(alice, JOB.replace("datastores/shelf/paths/out", "datastores/site/paths/out"))
    assert (refused.status_code, refused.json()["target"]) == (400, "outputs.result.path")
    missing = submit(alice, JOB.replace("datastores/shelf", "datastores/nowhere"))
    assert missing.status_code == 404 and "nowhere" in missing.json()["detail"]
    for folder in (settings.home, tmp_path / "elsewhere"):
        alice.post("/api/datastores", json={"yaml": FOLDER.format(folder)})
        assert "is" in submit(alice, JOB).json()["detail"] and submit(alice, JOB).status_code == 400


def test_outputs_lie_where_they_are_sent_in_the_workspaces_own_datastore(alice, tmp_path):
    asked = submit(alice, OWN)
    assert asked.status_code == 201, asked.text
    assert [warning.split("`")[1] for warning in asked.json()["warnings"]] == ["outputs.kept.path"]
    name = asked.json()["name"]
    for output, file in (("result", "b.txt"), ("kept", "b.txt"), ("table", "table")):
        (tmp_path / "outputs" / output).mkdir(parents=True)
        (tmp_path / "outputs" / output / file).write_text("done")
    with reading() as session:
        job_id = queries.get(session, 1, name).id
    collect(job_id, tmp_path / "outputs", tmp_path / "work")
    for path, found in (
        (f"results/{name}/b.txt", 201), ("jobs/a/b.txt", 404), (f"azureml/{name}/kept/b.txt", 201),
        (f"tables/{name}.csv", 201), (f"tables/{name}.csv/table", 404),
    ):  # fmt: skip
        read = JOB.replace("datastores/shelf/paths/in/a.csv", f"datastores/workspaceblobstore/paths/{path}")
        assert submit(alice, read.split("outputs:")[0]).status_code == found, path
