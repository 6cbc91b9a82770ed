"""What deployments did: measured where requests are answered, kept for its time, told over REST and drawn."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.database import reading, transaction
from app.endpoints.gateway.counters import Counters
from app.endpoints.metrics import service as metrics
from app.endpoints.metrics.recording import Recorder
from app.endpoints.metrics.tables import DeploymentMetrics
from app.endpoints.metrics.tally import of_gauges
from app.kit import clock


@pytest.fixture
def endpoint(alice) -> str:
    assert alice.post("/api/online-endpoints", json={"name": "digits"}).status_code == 201
    return "/api/online-endpoints/digits"


def record(*counts: tuple, at: int) -> None:
    """What a gateway does at the end of a stretch; `counts` are deployment, status, seconds, wait and batch."""
    counters = Counters()
    for deployment, *more in counts:
        counters.count("default", "digits", deployment, *more)
    asyncio.run(Recorder(counters).write(at))


def last(series: list[dict], key: str, run: str) -> list:
    points = next(one["points"] for one in series if (one["key"], one["run"]) == (key, run))
    return [value for _, _, value in points if value]


def test_gateways_add_up_and_every_range_shows_it(alice, endpoint):
    at = clock.milliseconds(clock.now()) // 1000 - 30
    record(*[("blue", 200, 0.010, 0.002, 4)] * 95, *[("blue", 500, 0.2)] * 5, at=at)
    record(*[("blue", 200, 0.010, 0.002, 4)] * 100, ("", 401, 0.0001), at=at)
    with transaction() as session:
        ids = metrics.endpoint_ids(session, [("default", "digits"), ("default", "gone")])
        gauges = of_gauges({"cpu": 0.5, "memory": 2**30})
        metrics.add(session, [metrics.Measured(id, "blue", at, gauges) for id in ids.values()])

    exposed = alice.get("/metrics").text
    assert 'atelier_deployment_cpus{deployment="blue",endpoint="digits",workspace="default"} 0.5' in exposed

    found = alice.get(f"{endpoint}/metrics").json()
    assert found["seconds"] == 10
    assert last(found["series"], "RequestsPerMinute", "blue") == [1200.0]
    assert last(found["series"], "RequestsPerMinute", "refused") == [6.0]
    assert last(found["series"], "ResponsesPerMinute", "500") == [30.0]
    assert last(found["series"], "RequestLatency", "P50") == [pytest.approx(10, rel=0.09)]
    assert last(found["series"], "RequestLatency", "P99") == [pytest.approx(200, rel=0.09)]
    assert last(found["series"], "QueueLatency", "P95") == [pytest.approx(2, rel=0.09)]
    assert last(found["series"], "BatchSize", "requests") == [4.0]
    assert last(found["series"], "CpuUtilizationPercentage", "blue") == [50.0]
    assert last(found["series"], "CpuMemoryBytes", "blue") == [1024.0]

    for name in ("24h", "7d", "30d"):
        summary = alice.get(f"{endpoint}/metrics/summary", params={"range": name}).json()
        assert summary["blue"]["statuses"] == {"200": 195, "500": 5}
        assert summary[""]["refused"] == 1
    later = alice.get(f"{endpoint}/metrics", params={"after": found["next"], "key": "RequestsPerMinute"}).json()
    assert all(len(one["points"]) < 3 for one in later["series"])


@pytest.mark.parametrize(("sent", "field"), [({"range": "2h"}, "range"), ({"key": "Speed"}, "key")])
def test_a_wrong_question_is_told_which_ones_there_are(alice, endpoint, sent, field):
    answer = alice.get(f"{endpoint}/metrics", params=sent)
    assert answer.status_code == 400
    assert field in answer.text and "is not one of" in answer.text


def test_each_length_of_stretches_is_kept_for_its_time(alice, endpoint, monkeypatch):
    moment = clock.now()
    record(("blue", 200, 0.01), at=clock.milliseconds(moment) // 1000)
    kept = []
    for passed in (timedelta(hours=3), timedelta(days=2), timedelta(days=9), timedelta(days=40)):
        monkeypatch.setattr(metrics, "now", lambda passed=passed: moment + passed)
        with transaction() as session:
            metrics.forget_old(session)
        with reading() as session:
            kept.append(session.scalar(select(func.count()).select_from(DeploymentMetrics)))
    assert kept == [3, 2, 1, 0]


def test_what_could_not_be_written_is_written_later(alice, endpoint, monkeypatch):
    counters = Counters()
    recorder = Recorder(counters)
    at = clock.milliseconds(clock.now()) // 1000 - 30
    counters.count("default", "digits", "blue", 200, 0.01)
    with monkeypatch.context() as broken:
        broken.setattr(metrics, "add", lambda *_: 1 / 0)
        asyncio.run(recorder.write(at))
    counters.count("default", "digits", "blue", 200, 0.01)
    asyncio.run(recorder.write(at))
    assert alice.get(f"{endpoint}/metrics/summary").json()["blue"]["requests"] == 2
    assert counters.of("default", "digits")["blue"].requests == 2


def test_the_tab_has_a_first_step_and_then_charts(alice, bob, endpoint):
    assert "Nothing measured yet" in bob.get("/endpoints/digits/metrics").text
    record(("blue", 200, 0.01), at=clock.milliseconds(clock.now()) // 1000 - 30)
    page = bob.get("/endpoints/digits/metrics", params={"range": "7d", "deployment": "blue"}).text
    assert "range=7d&amp;deployment=blue&amp;key=RequestLatency" in page
    assert bob.get("/endpoints/digits/_metrics", params={"range": "7d"}).status_code == 200
