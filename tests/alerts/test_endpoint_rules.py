"""Rules tell of endpoints: once for as long as it holds, and again when it comes back."""

import json
from datetime import timedelta

import pytest

from app.alerts import endpoints as watching
from app.database import transaction
from app.endpoints import queries
from app.endpoints.metrics import service as metrics
from app.endpoints.tables import OnlineDeployment
from app.kit import clock


@pytest.fixture
def endpoint(carol) -> int:
    carol.post("/api/online-endpoints", json={"name": "digits"}).raise_for_status()
    with transaction() as session:
        return queries.by_workspace_name(session, "default", "digits").id


def _rule(client, receiver, **fields) -> dict:
    answer = client.post("/api/alerts", json={"name": "watch", "webhook_url": receiver.url, "minutes": 5, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def _measure(endpoint: int, **tally) -> None:
    at = clock.milliseconds(clock.now()) // 1000 - 30
    with transaction() as session:
        metrics.add(session, [metrics.Measured(endpoint, "blue", at, tally)])


def _told(receiver) -> list[str]:
    return [json.loads(body)["text"].splitlines()[0] for _, body in receiver.posts]


def test_errors_and_latency_over_a_limit_are_told_once_until_they_are_over(
    carol, endpoint, receiver, work, monkeypatch
):
    errors = _rule(carol, receiver, on="endpoint_errors", threshold=10, count=20, endpoint="digits")
    _rule(carol, receiver, on="endpoint_slow", threshold=100)
    _measure(endpoint, requests={"500": 19})
    work()
    assert _told(receiver) == []
    _measure(endpoint, requests={"200": 1}, latency={"120": 20})
    work()
    work()
    slow, failed = sorted(_told(receiver))[::-1]
    assert failed.startswith("The deployment blue of the endpoint digits failed 19 of 20 requests (95 %)")
    assert "ms for the 95th percentile" in slow
    assert json.loads(receiver.posts[0][1])["endpoint"]["url"].endswith("/w/default/endpoints/digits/metrics")
    _measure(endpoint, requests={"200": 1000}, latency={"1": 10_000})
    work()
    work()
    assert len(_told(receiver)) == 4
    over = {json.loads(body)["event"]: json.loads(body)["text"] for _, body in receiver.posts[2:]}
    assert over["endpoint.errors.over"].startswith("Over: the deployment blue of the endpoint digits no longer fails")
    assert "no longer takes more than 100 ms" in over["endpoint.slow.over"]
    _measure(endpoint, requests={"503": 1000})
    work()
    assert len(_told(receiver)) == 5
    page = carol.get("/alerts").text
    assert "2 times" in page and "fails more than 10 % of its requests within 5 minutes" in page
    assert carol.get(f"/api/alerts/{errors['id']}").json()["endpoint"] == "digits"
    assert 'value="digits"' in carol.get(f"/alerts/{errors['id']}/edit").text


def test_a_deployment_that_has_nothing_ready_for_long_is_told_of(carol, endpoint, receiver, work, monkeypatch):
    _rule(carol, receiver, on="endpoint_unready")
    with transaction() as session:
        found = queries.by_workspace_name(session, "default", "digits")
        found.deployments.append(OnlineDeployment(name="blue", created_by="carol", error="no such model"))
    work()
    assert _told(receiver) == []
    later = clock.now() + timedelta(minutes=6)
    monkeypatch.setattr(watching, "now", lambda: later)
    work()
    (told,) = _told(receiver)
    assert told.endswith("has had no instance that is ready for 5 minutes: no such model")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"on": "endpoint_errors", "minutes": 5}, "threshold"),
        ({"on": "endpoint_slow", "threshold": 5, "minutes": 0}, "minutes"),
        ({"on": "endpoint_unready", "minutes": 5, "endpoint": "nothing"}, "endpoint"),
    ],
)
def test_what_is_wrong_in_a_rule_of_endpoints_is_named(carol, fields, target):
    answer = carol.post("/api/alerts", json={"name": "watch", "emails": ["ada@example.com"], **fields})
    assert (answer.status_code, answer.json()["target"]) == (400, target)
