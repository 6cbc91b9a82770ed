"""Short forms of MLflow's calls, for tests."""

from starlette.testclient import TestClient

ROOT = "/api/2.0/mlflow"


def call(client: TestClient, method: str, path: str, status: int = 200, /, **fields) -> dict:
    """One call of the dialect; its answer must have `status`."""
    given = {"params": fields} if method == "GET" else {"json": fields}
    answer = client.request(method, f"{ROOT}/{path}", **given)
    assert answer.status_code == status, answer.text
    return answer.json()


def new_run(client: TestClient, **fields) -> str:
    return call(client, "POST", "runs/create", experiment_id="0", **fields)["run"]["info"]["run_id"]


def data_of(client: TestClient, run: str) -> dict:
    """Metrics, params and tags of a run as plain dicts."""
    data = call(client, "GET", "runs/get", run_id=run)["run"]["data"]
    return {part: {item["key"]: item["value"] for item in data.get(part, [])} for part in ("metrics", "params", "tags")}


def log(client: TestClient, run: str, key: str, value, step: int = 0, timestamp: int = 1) -> None:
    call(client, "POST", "runs/log-metric", run_id=run, key=key, value=value, step=step, timestamp=timestamp)


def search(client: TestClient, filter: str = "", **fields) -> list[str]:
    """The names of the runs found."""
    found = call(client, "POST", "runs/search", experiment_ids=["0"], filter=filter, **fields)
    return [run["info"]["run_name"] for run in found.get("runs", [])]
