"""MLflow's workspaces, by their calls and by the header that names one."""

from tests.evaluation.calls import call

HEADER = {"X-MLFLOW-WORKSPACE": "team-b"}


def test_workspaces_are_made_seen_and_described(alice, bob):
    made = call(alice, "POST", "workspaces", 201, name="team-b", description="B")["workspace"]
    assert made == {"name": "team-b", "description": "B"} == call(alice, "GET", "workspaces/team-b")["workspace"]
    call(alice, "PATCH", "workspaces/team-b", description="Bee")
    seen = call(alice, "GET", "workspaces")["workspaces"]
    assert {"name": "team-b", "description": "Bee"} in seen
    assert [one["name"] for one in call(bob, "GET", "workspaces")["workspaces"]] == ["default"]
    assert call(bob, "GET", "workspaces/team-b", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    for method, path, status, fields in (
        ("POST", "workspaces", 400, {"name": "Team B"}), ("POST", "workspaces", 400, {"name": "team-b"}),
        ("POST", "workspaces", 400, {"name": "c-c", "default_artifact_root": "s3://b"}),
        ("PATCH", "workspaces/team-b", 400, {}), ("DELETE", "workspaces/default", 400, {}),
        ("DELETE", "workspaces/team-b", 501, {}),
    ):  # fmt: skip
        assert call(alice, method, path, status, **fields)["message"]


def test_the_header_names_the_workspace(alice, bob):
    call(alice, "POST", "workspaces", 201, name="team-b")
    alice.headers.update(HEADER)
    call(alice, "POST", "../../2.0/mlflow/experiments/create", name="e")
    alice.headers.pop("X-MLFLOW-WORKSPACE")
    for address, status in (("/w/team-b", 200), ("", 404)):
        path = f"{address}/api/2.0/mlflow/experiments/get-by-name"
        assert alice.get(path, params={"experiment_name": "e"}).status_code == status
    # It stands over the address, and opens nothing that the address would not.
    path = "/w/default/api/2.0/mlflow/experiments/get-by-name"
    assert alice.get(path, params={"experiment_name": "e"}, headers=HEADER).status_code == 200
    assert bob.get(path, params={"experiment_name": "e"}, headers=HEADER).status_code == 404
    upload = alice.post(
        "/api/2.0/mlflow-artifacts/mpu/create/1/none/artifacts", json={"path": "a", "num_parts": 1}, headers=HEADER
    )
    assert upload.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    info = "/api/3.0/mlflow/server-info"
    assert alice.get(info, headers={"X-MLFLOW-WORKSPACE": "none"}).json()["workspaces_enabled"]
