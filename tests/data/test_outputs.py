"""What a job left becomes a data asset by its address."""

import pytest

from app.database import transaction
from app.jobs import places
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.storage import store
from tests.compute.test_taking import submit

ROOT = "azureml://jobs/made/outputs"


@pytest.fixture
def made(alice) -> Job:
    submit(alice, "made", outputs={"table": {"type": "uri_folder"}, "one": {"type": "uri_file"}})
    with transaction() as session:
        job = session.query(Job).filter_by(name="made").one()
        job.status = Status.COMPLETED
    store().write_bytes(f"{places.output_key(job, 'table')}/part/a.csv", b"a\n1\n")
    store().write_bytes(f"{places.output_key(job, 'one')}/one", b"12345")
    store().write_bytes(f"{places.artifact_key(job)}/plots/b.txt", b"b")
    return job


@pytest.mark.parametrize(
    ("path", "type", "size"),
    [
        (f"{ROOT}/table", "uri_folder", 4),
        (f"{ROOT}/table/paths/part/a.csv", "uri_file", 4),
        (f"{ROOT}/table/paths/part/", "uri_folder", 4),
        (f"{ROOT}/one", "uri_file", 5),
        ("azureml://datastores/workspaceblobstore/paths/azureml/made/table/", "uri_folder", 4),
        (f"{ROOT}/artifacts/paths/plots/", "uri_folder", 1),
        ("runs:/made/plots/b.txt", "uri_file", 1),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_an_output_or_a_part_of_it_is_registered_with_its_lineage(alice, made, path, type, size):
    for version in ("1", "2"):
        answer = alice.post("/api/data", json={"name": "left", "type": type, "path": path})
        assert answer.status_code == 201, answer.text
        assert (answer.json()["version"], answer.json()["size_bytes"]) == (version, size)
        assert "/jobs/made" in alice.get(f"/jobs/_uses?kind=data&name=left&version={version}").text
    submit(alice, "reads", command="cat ${{inputs.a}}", inputs={"a": {"type": type, "path": "azureml:left:1"}})


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_no_job_left_is_told_by_the_field(alice, made):
    for path in (f"{ROOT}/none", "azureml://jobs/nobody/outputs/table", "runs:/made/nothing"):
        answer = alice.post("/api/data", json={"name": "left", "type": "uri_folder", "path": path})
        assert (answer.status_code, answer.json()["target"]) == (404, "path"), answer.text
        assert answer.json()["detail"].startswith("path: ")
