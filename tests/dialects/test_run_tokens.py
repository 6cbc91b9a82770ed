"""A job's own token opens its run and the runs below it, and nothing else may be written with it."""

import pytest

from app.access import queries, service
from app.database import transaction

API = "/api/2.0/mlflow"


def _run(client, **tags: str) -> str:
    body = {"experiment_id": "0", "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    return client.post(f"{API}/runs/create", json=body).json()["run"]["info"]["run_id"]


@pytest.fixture
def job_client(alice, anonymous):
    """The client of a job's process, and the name of its run."""
    run = _run(alice)
    with transaction() as session:
        token = service.create_run_token(session, queries.get_user(session, "alice"), run, workspace_id=1)
    anonymous.headers["Authorization"] = f"Bearer {token}"
    return anonymous, run


def _log(client, run: str) -> int:
    metric = {"run_id": run, "key": "loss", "value": 1.0, "timestamp": 1, "step": 0}
    return client.post(f"{API}/runs/log-metric", json=metric).status_code


def test_it_writes_its_run_and_nested_runs_but_no_other(alice, job_client):
    client, run = job_client
    assert _log(client, run) == 200
    assert _log(client, _run(client, **{"mlflow.parentRunId": run})) == 200
    other = _run(alice)
    assert _log(client, other) == 403
    assert client.post(f"{API}/runs/set-tag", json={"run_id": other, "key": "a", "value": "b"}).status_code == 403
    assert client.post(f"{API}/runs/delete", json={"run_id": other}).status_code == 403
    artifact = f"/api/2.0/mlflow-artifacts/artifacts/1/{other}/artifacts/a.txt"
    assert client.put(artifact, content=b"x").status_code in (403, 404)


def test_it_reads_what_its_submitter_may_read_and_changes_no_rights(job_client):
    client, _ = job_client
    assert client.get("/api/data/digits").status_code == 200
    for method, path in (("GET", "/api/tokens"), ("POST", "/api/users"), ("GET", "/api/role-assignments")):
        assert client.request(method, path, json={}).status_code == 403
    assert client.get("/w/other/api/jobs").status_code == 404
