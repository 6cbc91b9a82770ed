"""Deployments on trial: copies of requests, the rule that takes traffic away, going back, and limits of keys."""

import asyncio
import json

import httpx
import pytest

from app.access import queries as access
from app.activity import queries as activity
from app.database import transaction
from app.endpoints import queries, rolling_back, service
from app.endpoints.gateway import Counters, Gateway, RoutingTable
from app.endpoints.gateway.guarding import Guard
from app.endpoints.gateway.limiting import Limiter
from app.endpoints.gateway.mirroring import Comparison, Comparisons, Mirror, alike
from app.errors import Conflict, Invalid
from app.notifications import queries as notifications
from tests.endpoints.test_gateway import HEADERS, ScoringServer, application, route
from tests.endpoints.test_service import be, deploy, endpoint, session, workspace_id  # noqa: F401

RULE = {"requests": 10, "max_error_rate": 20.0, "max_latency_ms": None, "max_disagreement_rate": 20.0}


class Tried:
    """A gateway with all that watches a trial; `rolled_back` holds deployments and reasons."""

    def __init__(self, *routes) -> None:
        self.table, self.comparisons, self.rolled_back = RoutingTable(), Comparisons(), []
        self.table.replace(routes)
        gateway = Gateway(application, self.table, counters=Counters())
        guard = Guard(self.table, lambda route, deployment, reason: self.rolled_back.append((deployment, reason)))
        gateway.scoring.before.append(Limiter())
        gateway.scoring.after += [Mirror(gateway.scoring, self.comparisons, guard), guard]
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://test", headers=HEADERS)

    async def score(self, times: int = 1) -> list[httpx.Response]:
        return [await self.client.post("/endpoints/digits/score", json={"row": number}) for number in range(times)]

    @property
    def compared(self):
        return self.comparisons.of("default", "digits").get("green", Comparison())

    async def wait_for(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)


def test_answers_of_the_mirror_are_compared_and_a_mirror_that_disagrees_gets_no_more():
    async def check():
        async with ScoringServer("a").running() as blue, ScoringServer("b").running() as green:
            fields = {"traffic": {"blue": 100}, "mirror": {"green": 100}, "rollback_rule": RULE}
            tried = Tried(route({"blue": [blue], "green": [green]}, **fields))
            answers = []
            while not tried.rolled_back:
                answers += await tried.score()
                await tried.wait_for(lambda count=len(answers): tried.compared.mirrored == count)
            assert {answer.json()["by"] for answer in answers} == {"a"}
            assert len(answers) == 3
            assert tried.rolled_back[0][0] == "green"
            assert "3 of the last 10 answers were other than" in tried.rolled_back[0][1]
            assert tried.compared.disagreed == 3
            example = tried.compared.examples[0]
            assert (example["answer"], example["its_answer"]) == ('{"by": "a"}', '{"by": "b"}')
            assert json.loads(example["request"]) == {"row": 0}
            await tried.score(3)
            assert len(green.requests) == 3

    asyncio.run(check())


def test_a_mirror_that_fails_or_hangs_reaches_nobody_and_what_does_not_fit_is_dropped():
    async def check():
        async with ScoringServer("a").running() as blue, ScoringServer("b", "slow").running() as green:
            fields = {"traffic": {"blue": 100}, "mirror": {"green": 100}, "timeouts_ms": {"green": 60_000}}
            tried = Tried(route({"blue": [blue], "green": [green]}, **fields))
            answers = await tried.score(110)
            assert {answer.status_code for answer in answers} == {200}
            assert tried.compared.dropped == 110 - 4 - 100

    asyncio.run(check())


def test_errors_of_a_deployment_on_trial_give_the_traffic_back_within_the_window():
    async def check():
        async with ScoringServer("a").running() as blue, ScoringServer("b", "breaks").running() as green:
            fields = {"traffic": {"green": 100}, "traffic_before": {"blue": 100}, "rollback_rule": RULE}
            tried = Tried(route({"blue": [blue], "green": [green]}, **fields))
            assert [answer.status_code for answer in await tried.score(8)] == [502] * 3 + [200] * 5
            assert [name for name, _ in tried.rolled_back] == ["green"]

    asyncio.run(check())


def test_a_key_that_asks_too_often_is_told_when_to_come_back():
    async def check():
        async with ScoringServer("a").running() as blue:
            tried = Tried(route({"blue": [blue]}, requests_per_minute=2))
            answers = await tried.score(3)
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert answers[0].headers["x-ratelimit-remaining"] == "1"
            assert 28 <= int(answers[2].headers["retry-after"]) <= 30
            assert answers[2].json()["error"]["code"] == "TooManyRequests"

    asyncio.run(check())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b"[0.5]", b"[0.50000001]", True),
        (b"[0.5]", b"[0.6]", False),
        (b'{"a": 1, "b": [true]}', b'{"b": [true], "a": 1.0}', True),
        (b"[1]", b"[true]", False),
        (b"text", b"text ", False),
    ],
)
def test_numbers_agree_within_a_tolerance_and_everything_else_exactly(one, other, same):
    assert alike(one, other) is same


def test_traffic_goes_back_in_one_step_and_mirrored_traffic_has_bounds(session, endpoint):  # noqa: F811
    for name in ("blue", "green"):
        deploy(session, endpoint, name)
    with pytest.raises(Conflict):
        service.roll_back(session, endpoint)
    service.change(session, endpoint, traffic={"blue": 100}, mirror_traffic={"green": 50})
    for wrong in ({"green": 51}, {"red": 5}, {"blue": 10}, {"green": 5, "blue": 5}):
        with pytest.raises(Invalid, match="mirror_traffic"):
            service.change(session, endpoint, mirror_traffic=wrong)
    endpoint.mirror_traffic = {"green": 50}
    service.change(session, endpoint, traffic={"green": 100})
    assert endpoint.mirror_traffic == {}
    service.roll_back(session, endpoint)
    assert endpoint.traffic == {"blue": 100}


def test_a_deployment_that_broke_the_rule_is_rolled_back_once_and_it_is_told(started):
    with transaction() as session:  # noqa: F811
        place = next(found.id for found in access.workspaces(session) if found.name == "default")
        made = service.create(session, place, "digits", created_by="alice")
        for name in ("blue", "green"):
            deploy(session, made, name)
        service.change(session, made, traffic={"blue": 100})
        service.change(session, made, traffic={"blue": 10, "green": 90})
        rule = RULE | {"emails": ["ops@example.com"]}
        service.set_rules(session, made, rollback_rule=rule, requests_per_minute=None)
    assert rolling_back.roll_back(route({}), "green", "3 of the last 10 answers were errors")
    assert not rolling_back.roll_back(route({}), "green", "3 of the last 10 answers were errors")
    with transaction() as session:
        assert queries.get(session, place, "digits").traffic == {"blue": 100}
        told = notifications.page(session, place, source="endpoint").rows
        assert [found.target for found in told] == ["ops@example.com"]
        assert activity.records(session, place, actor=rolling_back.ACTOR).rows[0].after["traffic"] == {"blue": 100}
