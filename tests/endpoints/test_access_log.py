"""The access log: one line a request, bounded, read backwards over all processes that score."""

import asyncio
import json
from dataclasses import replace

import pytest

from app.endpoints import serving
from app.endpoints.access_log import files, writing
from app.endpoints.access_log.writing import AccessLog
from app.endpoints.gateway.asking import Answer, Ask

ADDRESS = "/api/online-endpoints/digits"


@pytest.fixture
def route(alice):
    alice.post("/api/online-endpoints", json={"name": "digits"}).raise_for_status()
    return serving.read_routes()[0]


def answered(
    log: AccessLog, route, request_id: str, status: int = 200, key: str = "", deployment: str = "blue"
) -> None:
    headers = {b"authorization": f"Bearer {key}".encode()}
    ask = Ask("default", "digits", "score", headers, b"[1]", request_id, route=route, deployment=deployment)
    log(replace(ask, waited=0.002), Answer(status, [], b"[2]"))


def test_requests_of_all_gateways_are_read_newest_first(alice, bob, route):
    key = alice.get(f"{ADDRESS}/keys").json()["secondaryKey"]
    one, other = AccessLog(), AccessLog()
    other._source = "elsewhere"
    answered(one, route, "a", key=key)
    answered(other, route, "b", 500, key=key)
    answered(one, route, "c", 401, key="wrong", deployment=None)
    answered(other, route, "d", key="another")
    for log in (one, other):
        asyncio.run(log.write())

    first = bob.get(f"{ADDRESS}/requests", params={"size": 3}).json()
    second = bob.get(f"{ADDRESS}/requests", params={"before": first["next"]}).json()
    assert [line["request_id"] for line in first["value"] + second["value"]] == ["d", "c", "b", "a"]
    line = second["value"][0]
    assert (line["key"], line["deployment"], line["status"]) == ("secondary", "blue", 200)
    assert (line["request_bytes"], line["response_bytes"], line["waited_milliseconds"]) == (3, 3, 2.0)
    assert first["value"][1]["key"] is None
    for narrowed in ({"status": "5xx"}, {"status": "500"}, {"request_id": "b"}):
        found = bob.get(f"{ADDRESS}/requests", params=narrowed).json()["value"]
        assert [line["request_id"] for line in found] == ["b"]
    downloaded = bob.get(f"{ADDRESS}/requests/download", params={"deployment": "blue"}).text
    assert [json.loads(line)["request_id"] for line in downloaded.splitlines()] == ["d", "b", "a"]
    assert key not in downloaded
    assert "status:" in bob.get(f"{ADDRESS}/requests", params={"status": "bad"}).json()["detail"]
    page = bob.get("/endpoints/digits/requests", params={"status": "5xx"}).text
    assert "<code>b</code>" in page and "<code>a</code>" not in page


def test_a_flood_is_counted_and_the_space_is_bounded(alice, route, monkeypatch):
    monkeypatch.setattr(writing, "MOST_LINES", 3)
    monkeypatch.setattr(files, "FILE_BYTES", 500)
    monkeypatch.setattr(files, "MOST_BYTES", 1500)
    log = AccessLog()
    for round in range(8):
        for number in range(5):
            answered(log, route, f"{round}-{number}")
        asyncio.run(log.write())
    found = alice.get(f"{ADDRESS}/requests").json()["value"]
    assert found[0]["dropped"] == 2 and found[1]["request_id"] == "7-2"
    assert sum(file.size for file in files.found(route.workspace_id, route.endpoint_id)) < 3000
    assert "0-0" not in {line.get("request_id") for line in found}
    alice.delete(ADDRESS)
    alice.post("/api/online-endpoints", json={"name": "digits"}).raise_for_status()
    assert "No request yet" in alice.get("/endpoints/digits/requests").text
