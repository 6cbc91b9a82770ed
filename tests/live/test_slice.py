"""The whole slice by REST and by command line: job, run, model, endpoint, score."""

import json
import subprocess

import httpx
import pytest

from app.settings import PROJECT
from tests.live.conftest import ATELIER, wait_until


@pytest.fixture(scope="module")
def trained(server, environment) -> dict:
    """The digits example, submitted by the command line and followed to its end."""
    answer = _atelier(server, "job", "create", "-f", "examples/digits/job.yml", "--stream")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    jobs = server.client.get("/api/jobs", params={"experiment": "digits"}).json()["value"]
    return jobs[0] | {"streamed": answer.stdout}


def _atelier(server, *arguments: str, **options) -> subprocess.CompletedProcess:
    environ = {
        "ATELIER_URL": server.url,
        "ATELIER_TOKEN": server.token,
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
    }
    return subprocess.run(
        [ATELIER, *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environ,
        timeout=170,
        check=False,
        **options,
    )


def test_the_example_trains_and_logs_to_its_own_run(server, trained):
    assert trained["status"] == "Completed"
    assert "accuracy" in trained["streamed"]
    metrics = {item["key"]: item for item in server.client.get(f"/api/jobs/{trained['name']}/metrics").json()["value"]}
    assert metrics["accuracy"]["value"] > 0.9
    history = server.client.get(f"/api/jobs/{trained['name']}/metrics/history", params={"key": "loss"}).json()
    assert len(history["series"][0]["points"]) > 100
    files = server.client.get(f"/api/jobs/{trained['name']}/artifacts").json()["value"]
    assert any(item["path"].endswith(".png") for item in files), files


def test_the_job_knows_the_data_that_it_read(trained):
    (port,) = [port for port in trained["inputs"].values() if "asset" in port]
    assert (port["asset"]["name"], port["asset"]["version"]) == ("digits", "1")


@pytest.fixture(scope="module")
def model(server, trained) -> dict:
    answer = server.client.post(
        "/api/models", json={"name": "digits", "source": f"runs:/{trained['name']}/model", "type": "mlflow_model"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_model_says_where_it_came_from(model, trained):
    assert model["job"] == trained["name"]
    assert model["signature"]["inputs"]


@pytest.fixture(scope="module")
def endpoint(server, model) -> dict:
    for noun, file in (("online-endpoint", "endpoint.yml"), ("online-deployment", "deployment.yml")):
        options = ["--all-traffic"] if noun == "online-deployment" else []
        answer = _atelier(server, noun, "create", "-f", f"examples/digits/{file}", *options)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    name = server.client.get("/api/online-endpoints").json()["value"][0]["name"]
    (deployment,) = server.client.get(f"/api/online-endpoints/{name}/deployments").json()
    wait_until(
        lambda: _state(server, name, deployment["name"]) == "Succeeded",
        90,
        lambda: _describe(server, name, deployment["name"]),
    )
    keys = server.client.get(f"/api/online-endpoints/{name}/keys").json()
    uri = server.client.get(f"/api/online-endpoints/{name}").json()["scoring_uri"]
    return {"name": name, "deployment": deployment["name"], "uri": uri, "key": keys["primaryKey"]}


def _state(server, endpoint: str, deployment: str) -> str:
    return server.client.get(f"/api/online-endpoints/{endpoint}/deployments/{deployment}").json()["provisioning_state"]


def _describe(server, endpoint: str, deployment: str) -> str:
    base = f"/api/online-endpoints/{endpoint}/deployments/{deployment}"
    return server.client.get(base).text + server.client.get(f"{base}/logs").text


def _rows() -> list[list[float]]:
    lines = (PROJECT / "examples/digits/digits.csv").read_text().splitlines()[1:21]
    return [[float(cell) for cell in line.split(",")] for line in lines]


def _score(endpoint: dict, body, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or endpoint['key']}"}
    return httpx.post(endpoint["uri"], json=body, headers=headers, timeout=30)


def test_the_endpoint_scores(endpoint):
    rows = _rows()
    answer = _score(endpoint, {"input_data": [row[:-1] for row in rows]})
    assert answer.status_code == 200, answer.text
    scores = answer.json()
    digits = [max(range(10), key=lambda digit: row[digit]) if isinstance(row, list) else row for row in scores]
    right = sum(int(found == row[-1]) for found, row in zip(digits, rows, strict=True))
    assert right >= 18, (digits, rows)


def test_wrong_input_names_the_field(endpoint):
    answer = _score(endpoint, {"input_data": [[1.0, 2.0]]})
    assert answer.status_code == 400
    assert "64" in answer.text
    answer = _score(endpoint, {"inputs_data": []})
    assert answer.status_code == 400 and "input_data" in answer.text


def test_a_wrong_key_is_turned_away(endpoint):
    assert _score(endpoint, {"input_data": []}, key="wrong").status_code == 401
    assert httpx.post(endpoint["uri"], json={}).status_code == 401


def test_a_scoring_server_that_dies_comes_back(server, endpoint):
    scoring = server.child("workers/serving/guest/")
    scoring.kill()
    body = {"input_data": [row[:-1] for row in _rows()]}
    wait_until(lambda: _score(endpoint, body).status_code == 200, 60)
    assert not scoring.is_running()


def test_the_command_line_invokes(server, endpoint, tmp_path):
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"input_data": [_rows()[0][:-1]]}))
    answer = _atelier(server, "online-endpoint", "invoke", "-n", endpoint["name"], "--request-file", str(request))
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)
