"""What deployments are asked and answered, collected into data assets as Azure ML writes it."""

import asyncio
import json

import pytest

from app.database import transaction
from app.endpoints import queries, serving
from app.endpoints.collecting import aging, writing
from app.endpoints.collecting.writing import DataCollector
from app.endpoints.gateway.asking import Answer, Ask
from app.endpoints.gateway.counters import Counters
from app.endpoints.tables import OnlineDeployment
from app.kit.storage import store

BODY = {"input_data": {"columns": ["age", "ssn"], "data": [[41, "078-05-1120"]]}}


@pytest.fixture
def route(alice):
    def make(sampling_rate: float = 1.0, **collections):
        alice.post("/api/online-endpoints", json={"name": "digits"}).raise_for_status()
        with transaction() as session:
            endpoint = queries.by_workspace_name(session, "default", "digits")
            said = {"collections": {name: {"enabled": True, **more} for name, more in collections.items()}}
            said |= {"sampling_rate": sampling_rate, "request_logging": {"capture_headers": ["X-Tenant"]}}
            deployment = OnlineDeployment(name="blue", created_by="alice", data_collector=said)
            deployment.properties = {"atelier.redact": "ssn, secret"}
            endpoint.deployments.append(deployment)
        return serving.read_routes()[0]

    return make


def collect(route, body: bytes = json.dumps(BODY).encode(), status: int = 200) -> Counters:
    counters = Counters()
    collector = DataCollector(counters)
    headers = {b"content-type": b"application/json", b"x-tenant": b"north"}
    ask = Ask("default", "digits", "score", headers, body, "id-1", route=route, deployment="blue")
    collector(ask, Answer(status, [(b"content-type", b"application/json")], b"[0.5]"))
    asyncio.run(collector.write())
    return counters


def events(route, collection: str) -> list[dict]:
    folder = f"workspaces/{route.workspace_id}/modelDataCollector/digits/blue/{collection}"
    files = [f"{folder}/{entry.path}" for entry in store().walk(folder)]
    return [json.loads(line) for file in files for line in store().read_bytes(file).splitlines()]


def test_requests_and_rows_become_data_assets_without_what_is_redacted(alice, route):
    made = route(request={}, response={}, model_inputs={}, model_outputs={"data": {"name": "answers", "version": "7"}})
    counters = collect(made)
    collect(made)
    request, again = events(made, "request")
    assert request["data"]["input_data"]["data"] == [[41, "[redacted]"]]
    assert (request["specversion"], request["correlationid"], request["headers"]) == (
        "1.0",
        "id-1",
        {"x-tenant": "north"},
    )
    assert request["id"] != again["id"]
    assert events(made, "model_inputs")[0]["data"] == [{"age": 41, "ssn": "[redacted]"}]
    outputs = events(made, "model_outputs")[0]
    assert (outputs["data"], outputs["collectdatatype"]) == ([{"0": 0.5}], "pandas.core.frame.DataFrame")
    assert counters.of("default", "digits")["blue"].collected == 1
    asset = alice.get("/api/data/digits-blue-model_inputs/versions/1").json()
    assert asset["path"].endswith("/modelDataCollector/digits/blue/model_inputs")
    assert asset["file_count"] == 1
    assert alice.get("/api/data/answers/versions/7").status_code == 200


def test_what_failed_what_is_sampled_out_and_what_is_too_much_is_not_collected(route, monkeypatch):
    made = route(sampling_rate=0.5, request={})
    monkeypatch.setattr(writing.random, "random", lambda: 0.4)
    collect(made, status=500)
    collect(made, b"no JSON, with a secret")
    monkeypatch.setattr(writing, "MOST_BYTES", 5)
    assert collect(made).of("default", "digits")["blue"].dropped == 1
    monkeypatch.setattr(writing.random, "random", lambda: 0.6)
    collect(made)
    assert [event["data"] for event in events(made, "request")] == ["[redacted]"]


def test_what_is_older_than_its_days_is_deleted_and_nothing_else(route):
    custom = {"path": "azureml://datastores/workspaceblobstore/paths/mine"}
    made = route(request={}, response={"data": custom})
    collect(made)
    root = f"workspaces/{made.workspace_id}"
    gone = f"{root}/modelDataCollector/gone/blue/request/2020/01/31/07/host_1.jsonl"
    old = [gone, f"{root}/mine/2020/01/31/host_1.jsonl"]
    own = [f"{root}/mine/2020/01/31/notes.jsonl.txt", f"{root}/mine/2020/13/host_1.jsonl", f"{root}/mine/2020.jsonl"]
    for key in (*old, *own):
        store().write_bytes(key, b"{}")
    aging.forget_old(30)
    left = {f"{root}/{entry.path}" for entry in store().walk(root)}
    assert not left & set(old) and left > set(own)
    assert len(events(made, "request")) == 1
