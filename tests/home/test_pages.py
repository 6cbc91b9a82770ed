"""The home of a workspace."""

import pytest

from app.access.queries import workspaces
from app.compute import service as compute
from app.database import reading, transaction
from app.home.overview import Overview

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

HELLO = "command: echo Hello\ndisplay_name: Say hello\n"


def submitted(client, yaml: str = HELLO) -> str:
    answer = client.post("/api/jobs", content=yaml, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201, answer.text
    return answer.json()["name"]


def joined(jobs: int = 0) -> None:
    with transaction() as session:
        worker = compute.join(
            session, name="forge-1", host="forge", pid=1, slots=2, processors=2, memory_bytes=8 << 30, gpus=[]
        )
        compute.report(session, worker.id, {"cpu_percent": 12.5, "memory_used_bytes": 1 << 30, "jobs": jobs})


def test_a_first_run_offers_the_example_and_snippets_with_the_right_address(alice):
    page = alice.get("/").text
    assert "Run the digits example" in page and 'action="/w/default/jobs/examples/digits"' in page
    assert "http://testserver/api/jobs" in page and "atelier job create" in page


def test_snippets_of_another_workspace_lead_into_it(stranger):
    page = stranger.get("/w/other/").text
    assert "http://testserver/w/other/api/jobs" in page and "--workspace other" in page


def test_a_reader_is_offered_nothing_that_would_be_refused(bob):
    page = bob.get("/").text
    assert "Run the digits example" not in page and "New job" not in page


def test_recent_jobs_and_the_lack_of_a_worker_show(alice):
    name = submitted(alice)
    page = alice.get("/").text
    assert f"/jobs/{name}" in page and "no worker is here" in page and "Run the digits example" not in page
    joined(jobs=1)
    assert "1 of 2" in alice.get("/_now").text and "no worker is here" not in alice.get("/_now").text


def test_the_fragment_is_the_one_in_the_page(alice):
    fragment = alice.get("/_now").text
    assert 'id="now"' in fragment and "<html" not in fragment
    assert 'id="now"' in alice.get("/").text


def test_counts_tell_what_waits_from_what_runs(settings):
    seen = Overview(counts={"Queued": 2, "NotStarted": 1, "Running": 1, "CancelRequested": 1, "Completed": 4})
    assert (seen.waiting_count, seen.active_count, seen.job_count) == (3, 2, 9)


def test_the_page_of_the_kit_needs_a_workspace(alice, stranger):
    assert alice.get("/style").status_code == 200
    assert stranger.get("/style").status_code == 404


def test_each_workspace_has_a_home_of_its_own(alice):
    submitted(alice)
    with reading() as session:
        assert {found.name for found in workspaces(session)} == {"default", "other"}
    assert "Say hello" in alice.get("/w/default/").text
    assert "Say hello" not in alice.get("/w/other/").text
