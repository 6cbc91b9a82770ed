"""Deployments whose instances follow their load: how many there should be, and requests that wait for the first."""

import asyncio

import pytest

from app.database import transaction
from app.endpoints import autoscaling, queries, service
from app.endpoints.autoscaling import Limits, Low, Step
from app.endpoints.gateway.load import Flow, Load
from tests.endpoints.test_gateway import ScoringServer, gateway, route, score
from workers.reconcile import autoscaling as duty

LIMITS = Limits(least=0, most=4, target=2, down_seconds=60, idle_seconds=300)
KEY = ("default", "tasting", "blue")
SETTINGS = {"type": "target_utilization", "min_instances": 0, "max_instances": 3, "target_utilization_percentage": 100}


@pytest.mark.parametrize(
    ("present", "low", "in_flight", "step"),
    [
        (1, None, 2, Step(1)),
        (1, Low(900, 0), 7, Step(4, None, "7.0 requests at a time")),
        (1, None, 99, Step(4, None, "99.0 requests at a time")),
        (0, None, 0.1, Step(1, None, "requests wait")),
        (0, None, 0, Step(0)),
        (3, None, 1, Step(3, Low(1000, 1))),
        (3, Low(950, 1), 4, Step(3, Low(950, 2))),
        (3, Low(930, 2), 0, Step(2, None, "2 would have done for 60 s")),
        (3, Low(930, 0), 0, Step(1, None, "1 would have done for 60 s")),
        (1, Low(900, 0), 0, Step(1, Low(900, 0))),
        (1, Low(700, 0), 0, Step(0, None, "no request for 300 s")),
        (6, None, 99, Step(4, None, "max_instances is 4")),
    ],
)
def test_more_at_once_and_fewer_after_a_while(present, low, in_flight, step):
    assert autoscaling.step(LIMITS, present, low, in_flight, at=1000) == step


def test_one_more_at_a_time_while_requests_wait_for_each_other_and_take_too_long():
    limits = Limits(least=1, most=4, target=10, down_seconds=60, idle_seconds=300, seconds=0.1)

    def look(in_flight: float, took: float, unchanged: float) -> Step:
        return autoscaling.step(limits, 2, None, in_flight, 1000, took=took, unchanged=unchanged)

    assert look(5, 0.2, unchanged=20) == Step(3, None, "requests take 200 ms")
    assert look(5, 0.2, unchanged=5) == Step(2)
    assert look(1.5, 0.2, unchanged=20) == look(5, 0.06, unchanged=20) == Step(2)
    assert look(5, 0.04, unchanged=20) == Step(2, Low(1000, 1))
    assert Flow(2, 10).seconds == 0.2


def test_a_deployment_follows_its_load_down_to_none_and_says_why(carol):
    carol.post("/api/online-endpoints", json={"name": "tasting"})
    path = "/api/online-endpoints/tasting/deployments"
    with transaction() as session:
        endpoint = queries.get(session, 1, "tasting")
        service.deploy(session, endpoint, "blue", created_by="carol", scoring_script="score.py", code="code")
        endpoint.deployments[0].provisioning_state = "Succeeded"
        endpoint.deployments[0].properties = {autoscaling.IDLE: "0", autoscaling.DOWN: "0"}
    refused = carol.patch(f"{path}/blue", json={"scale_settings": SETTINGS | {"max_instances": 99}})
    assert (refused.status_code, refused.json()["target"]) == (400, "scale_settings.max_instances")
    assert carol.patch(f"{path}/blue", json={"scale_settings": SETTINGS}).status_code == 200
    for in_flight in (2.5, 0, 0, 0, 0, 0.2):
        duty.reconcile(lambda in_flight=in_flight: {KEY: Flow(in_flight)})
    found = carol.get(f"{path}/blue").json()
    changes = [(one["before"], one["after"], one["reason"]) for one in found["scaling"]["changes"]]
    assert changes == [
        (1, 3, "2.5 requests at a time"),
        (3, 1, "1 would have done for 0 s"),
        (1, 0, "no request for 0 s"),
        (0, 1, "requests wait"),
    ]
    # Those that are stopping still have their numbers.
    assert [(one["number"], one["state"]) for one in found["instances"]] == [
        (0, "Stopping"), (1, "Stopping"), (2, "Stopping"), (3, "Pending"),
    ]  # fmt: skip


def test_a_request_waits_for_the_first_instance_of_what_is_scaled_to_zero():
    async def check():
        served = gateway(route({"blue": []}, wake_seconds={"blue": 5}))
        async with ScoringServer("a").running() as server:
            asked = [asyncio.create_task(score(served)) for _ in range(3)]
            await asyncio.sleep(0)
            served.scoring.table.replace([route({"blue": [server]}, wake_seconds={"blue": 5})])
            assert [(await one).json() for one in asked] == [{"by": "a"}] * 3
        served.scoring.table.replace([route({"blue": []}, wake_seconds={"blue": 0.01})])
        late = await score(served)
        assert (late.status_code, late.headers["retry-after"]) == (503, "2")
        assert "was not started within 0.01 s" in late.json()["error"]["message"]

    asyncio.run(check())


def test_load_is_the_mean_of_requests_in_flight():
    load = Load()
    load.enter(KEY)
    load.enter(KEY)
    load.means()
    assert load.means()[KEY].in_flight == pytest.approx(2)
    load.leave(KEY)
    load.leave(KEY)
    load.means()
    assert load.means() == {}
