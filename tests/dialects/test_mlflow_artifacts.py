"""Artifacts by MLflow's proxy: where they may be put, and by whom."""

import pytest

from app.access import identity, queries, service
from app.database import transaction
from tests.dialects.calls import call, new_run

FILES = "/api/2.0/mlflow-artifacts/artifacts"


def _root(client, run: str) -> str:
    uri = call(client, "GET", "runs/get", run_id=run)["run"]["info"]["artifact_uri"]
    return uri.removeprefix("mlflow-artifacts:/")


def test_files_are_put_listed_fetched_and_deleted(alice):
    run = new_run(alice)
    root = _root(alice, run)
    assert alice.put(f"{FILES}/{root}/d/a.txt", content=b"hello").status_code == 200
    assert alice.put(f"{FILES}/{root}/b.bin", content=b"x" * (3 << 20)).status_code == 200
    assert call(alice, "GET", "artifacts/list", run_id=run)["files"] == [
        {"path": "d", "is_dir": True},
        {"path": "b.bin", "is_dir": False, "file_size": 3 << 20},
    ]
    below = call(alice, "GET", "artifacts/list", run_id=run, path="d")["files"]
    assert below == [{"path": "d/a.txt", "is_dir": False, "file_size": 5}]
    assert alice.get(FILES, params={"path": f"{root}/d"}).json()["files"][0]["path"] == "a.txt"
    assert alice.get(f"{FILES}/{root}/d/a.txt").content == b"hello"
    assert alice.get(f"{FILES}/{root}/d/a.txt", headers={"Range": "bytes=1-2"}).content == b"el"
    assert alice.delete(f"{FILES}/{root}/d/a.txt").status_code == 200
    assert alice.get(f"{FILES}/{root}/d/a.txt").status_code == 404


@pytest.mark.parametrize(
    "path", ["1/none/artifacts/a", "1/models/m-0/artifacts/a", "elsewhere/a", "models/m/1/MLmodel", "a"]
)
def test_nothing_is_put_where_no_run_or_model_is(alice, path):
    assert alice.put(f"{FILES}/{path}", content=b"x").status_code in (400, 404)


def test_no_path_leads_out_of_the_workspace(alice):
    root = _root(alice, new_run(alice))
    assert alice.put(f"{FILES}/{root}/%2e%2e/%2e%2e/%2e%2e/x", content=b"x").status_code in (400, 404)
    assert alice.get(FILES, params={"path": "../../.."}).status_code == 400


def test_another_workspace_sees_no_file(alice):
    root = _root(alice, new_run(alice))
    alice.put(f"{FILES}/{root}/a.txt", content=b"hello")
    assert alice.get(f"/w/other{FILES}/{root}/a.txt").status_code == 404
    assert alice.put(f"/w/other{FILES}/{root}/a.txt", content=b"mine").status_code == 404


def test_readers_do_not_write(alice, bob):
    root = _root(alice, new_run(alice))
    assert bob.put(f"{FILES}/{root}/a.txt", content=b"x").status_code == 403
    assert bob.delete(f"{FILES}/{root}/a.txt").status_code == 403


@pytest.fixture
def token_of(app, alice):
    """A client that carries a run's own token."""

    def client_of(run: str):
        with transaction() as session:
            workspace = identity.find_workspace("default")
            token = service.create_run_token(session, queries.get_user(session, "carol"), run, workspace.id)
        return type(alice)(app, headers={"Authorization": f"Bearer {token}"})

    return client_of


def test_a_runs_own_token_reaches_that_run_and_its_children(alice, token_of):
    mine, other = new_run(alice), new_run(alice)
    confined = token_of(mine)
    call(confined, "POST", "runs/log-metric", run_id=mine, key="m", value=1, timestamp=1)
    child = new_run(confined, tags=[{"key": "mlflow.parentRunId", "value": mine}])
    call(confined, "POST", "runs/log-metric", run_id=child, key="m", value=1, timestamp=1)
    alone = new_run(confined)
    call(confined, "POST", "runs/log-parameter", run_id=alone, key="p", value="1")
    refused = call(confined, "POST", "runs/log-metric", 403, run_id=other, key="m", value=1, timestamp=1)
    assert refused["error_code"] == "PERMISSION_DENIED"
    call(confined, "POST", "runs/update", 403, run_id=other, status="FAILED")
    call(confined, "POST", "runs/delete", 403, run_id=other)
    call(confined, "POST", "logged-models", 403, experiment_id="0", source_run_id=other)
    assert confined.put(f"{FILES}/{_root(alice, other)}/a", content=b"x").status_code == 403
    assert confined.put(f"{FILES}/{_root(alice, mine)}/a", content=b"x").status_code == 200


def test_a_model_of_a_runs_own_token_belongs_to_that_run(alice, token_of):
    mine = new_run(alice)
    model = call(token_of(mine), "POST", "logged-models", experiment_id="0", name="m")["model"]["info"]
    assert model["source_run_id"] == mine
    path = model["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert token_of(mine).put(f"{FILES}/{path}/MLmodel", content=b"x").status_code == 200
    assert token_of(new_run(alice)).put(f"{FILES}/{path}/MLmodel", content=b"x").status_code == 403
