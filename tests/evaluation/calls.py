"""Short forms of MLflow's calls about evaluation, for tests."""

import json

from starlette.testclient import TestClient

ROOT = "/api/3.0/mlflow"
JUDGE = json.dumps(
    {"name": "polite", "instructions_judge_pydantic_data": {"model": "openai:/gpt", "instructions": "x"}}
)


def call(client: TestClient, method: str, path: str, status: int = 200, /, **fields) -> dict:
    """One call of the dialect; its answer must have `status`."""
    given = {"params": fields} if method == "GET" else {"json": fields}
    answer = client.request(method, f"{ROOT}/{path}", **given)
    assert answer.status_code == status, answer.text
    return answer.json()


def new_dataset(client: TestClient, name: str = "qa", **tags) -> str:
    made = call(client, "POST", "datasets/create", name=name, experiment_ids=["0"], tags=json.dumps(tags))
    return made["dataset"]["dataset_id"]


def merge(client: TestClient, dataset: str, *records, status: int = 200) -> dict:
    return call(client, "POST", f"datasets/{dataset}/records", status, records=json.dumps(records))


def records(client: TestClient, dataset: str, **fields) -> list[dict]:
    return json.loads(call(client, "GET", f"datasets/{dataset}/records", **fields)["records"])
