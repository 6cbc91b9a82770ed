"""Jobs over REST: submit, read, list, cancel, and what goes wrong."""

import io
import tarfile

import pytest

from app.database import transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job

YAML = """\
name: train
display_name: Train digits
experiment_name: digits
command: python train.py --lr ${{inputs.lr}} --data ${{inputs.data}}
environment: azureml:pytorch-2.13-cpu@latest
inputs:
  lr: 0.1
  data: {type: uri_file, path: azureml:digits@latest}
outputs:
  model: {type: uri_folder}
tags: {team: vision}
limits: {timeout: 60}
"""


def submit(client, yaml: str = YAML, **uploads):
    return client.post("/api/jobs", json={"yaml": yaml, "uploads": uploads})


def test_a_submitted_job_is_queued_and_its_task_leaves(alice, sent):
    answer = submit(alice)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["name"], job["status"], job["experiment_name"]) == ("train", "Queued", "digits")
    assert job["tags"] == {"team": "vision"} and job["limits"] == {"timeout": 60}
    assert job["inputs"]["data"]["asset"] == {"kind": "data", "name": "digits", "version": "1", "type": "uri_file"}
    assert "key" not in job["inputs"]["data"]
    assert [name for name, _ in sent] == ["jobs.run"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("content_type", ["application/yaml", "application/json"])
def test_a_job_file_can_be_the_body_itself(alice, content_type):
    body = YAML if "yaml" in content_type else '{"command": "echo 1"}'
    answer = alice.post("/api/jobs", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 201, answer.text


def test_a_name_is_taken_once(alice, sent):
    submit(alice)
    sent.clear()
    answer = submit(alice)
    assert (answer.status_code, answer.json()["target"]) == (409, "name")
    assert sent == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("comand: echo 1\n", ["line 1", "comand", "command"]),
        ("command: echo\ninputs:\n  a: {type: uri_fil, path: azureml:digits@latest}\n", ["line 3", "uri_file"]),
        ("command: echo ${{inputs.dta}}\ninputs: {data: 1}\n", ["dta", "data"]),
        ("command: echo\ninputs:\n  a: {type: uri_file, path: azureml:nothing@latest}\n", ["inputs.a", "nothing"]),
        ("command: [\n", ["line"]),
        ("command: echo\ncode: ./src\n", ["code"]),
        ("command: echo\nenvironment: azureml:unheard-of@latest\n", ["unheard-of"]),
    ],
)
def test_a_bad_file_says_where_and_what_would_be_right(alice, sent, yaml, words):
    answer = submit(alice, yaml)
    assert answer.status_code in (400, 404), answer.text
    text = answer.json()["detail"] + " ".join(answer.json().get("details", []))
    assert [word for word in words if word not in text] == []
    assert sent == [] and alice.get("/api/jobs").json()["total"] == 0


def test_a_queued_job_is_canceled_at_once(alice):
    submit(alice)
    assert alice.post("/api/jobs/train/cancel").json()["status"] == "Canceled"
    assert alice.post("/api/jobs/train/cancel").status_code == 409


def test_a_running_job_is_asked_to_cancel(alice):
    submit(alice)
    _claim()
    assert alice.post("/api/jobs/train/cancel").json()["status"] == "CancelRequested"
    assert alice.post("/api/jobs/train/cancel").json()["status"] == "CancelRequested"


def _claim(worker: int = 1) -> int:
    with transaction() as session:
        job = session.query(Job).one()
        moves.claim(session, job, worker, 30, [])
        moves.move(session, job, Status.RUNNING, held_by=(worker, 1))
        return job.id


def test_two_workers_cannot_claim_one_job(alice):
    submit(alice)
    job_id = _claim()
    with transaction() as session:
        assert not moves.claim(session, session.get_one(Job, job_id), 2, 30, [])


def test_a_failed_job_with_retries_is_queued_again_and_then_fails(alice, sent):
    submit(alice, YAML + "retry_settings: {max_retries: 1}\n")
    for attempt, expected in ((1, Status.QUEUED), (2, Status.FAILED)):
        with transaction() as session:
            job = session.query(Job).one()
            moves.claim(session, job, 1, 30, [])
            moves.move(session, job, Status.RUNNING, held_by=(1, attempt))
            moves.fail(session, job, "Exit code 1.", held_by=(1, attempt))
            assert job.status is expected
    assert alice.get("/api/jobs/train").json()["error"]["message"] == "Exit code 1."
    assert len(sent) == 2


def test_resubmitting_makes_the_same_job_under_a_new_name(alice):
    submit(alice)
    again = alice.post("/api/jobs/train/resubmit").json()
    assert again["name"] != "train" and again["command"] == alice.get("/api/jobs/train").json()["command"]


def test_the_list_filters_sorts_and_pages(alice):
    for number in range(5):
        submit(alice, f"name: job-{number}\ncommand: echo {number}\ntags: {{n: '{number}'}}\n")
    alice.post("/api/jobs/job-3/cancel")
    names = lambda **query: [job["name"] for job in alice.get("/api/jobs", params=query).json()["value"]]  # noqa: E731
    assert names(sort="name") == [f"job-{number}" for number in range(5)]
    assert names(status="Canceled") == ["job-3"]
    assert names(tag="n=2") == ["job-2"]
    assert names(text="OB-4") == ["job-4"]
    assert names(sort="-created", size=2, page=2) == ["job-2", "job-1"]
    assert alice.get("/api/jobs", params={"size": 2}).json()["next_page"] == 2
    assert alice.get("/api/jobs", params={"sort": "colour"}).json()["target"] == "sort"


def test_an_archived_job_leaves_the_list(alice):
    submit(alice)
    alice.patch("/api/jobs/train", json={"archived": True, "tags": {"a": "b"}})
    assert alice.get("/api/jobs").json()["total"] == 0
    assert alice.get("/api/jobs", params={"archived": True}).json()["value"][0]["tags"] == {"a": "b"}


def test_uploaded_code_is_found_and_an_archive_that_leads_outside_is_refused(alice):
    uri = alice.post("/api/uploads", content=_packed("src/train.py")).json()["uri"]
    job = submit(alice, "command: python train.py\ncode: ./src\n", **{"./src": uri})
    assert job.status_code == 201, job.text
    for name in ("../evil", "/etc/evil"):
        answer = alice.post("/api/uploads", content=_packed(name))
        assert answer.status_code == 400, answer.text
    assert alice.post("/api/uploads", content=b"no archive").status_code == 400


def _packed(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    return buffer.getvalue()


def test_a_reader_may_look_but_not_submit_or_cancel(alice, bob):
    submit(alice)
    assert bob.get("/api/jobs/train").status_code == 200
    assert bob.post("/api/jobs/train/cancel").status_code == 403
    assert submit(bob).status_code == 403


def test_to_a_stranger_the_job_does_not_exist(alice, stranger, anonymous):
    submit(alice)
    assert stranger.get("/api/jobs/train").status_code == 404
    assert stranger.get("/w/other/api/jobs/train").status_code == 404
    assert anonymous.get("/api/jobs/train").status_code == 401
