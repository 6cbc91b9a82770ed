"""The scoring path, in front of scoring servers that are real sockets."""

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from app.endpoints.gateway import Counters, Gateway, Route, RoutingTable, Upstream

KEY = "the key"
HEADERS = {"authorization": f"Bearer {KEY}"}


class ScoringServer:
    """Answers as told: `mode` is ok, slow, dies (before an answer), breaks (within one), chunks or closes."""

    def __init__(self, name: str, mode: str = "ok") -> None:
        self.name, self.mode = name, mode
        self.requests: list[bytes] = []
        self.connections = 0
        self.cancelled = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                if self.mode == "dies":
                    return
                if self.mode == "slow":
                    await reader.read()
                    self.cancelled.set()
                    return
                body = json.dumps({"by": self.name}).encode()
                if self.mode in ("chunks", "closes"):
                    said = b"transfer-encoding: chunked\r\n" if self.mode == "chunks" else b""
                    writer.write(b"HTTP/1.1 200 OK\r\n" + said + b"content-type: application/json\r\n\r\n")
                    for piece in (body[:3], body[3:]):
                        writer.write(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) if said else piece)
                        await writer.drain()
                        await asyncio.sleep(0.01)
                    writer.write(b"0\r\nx: y\r\n\r\n" if said else b"")
                    if said:
                        continue
                    return
                promised = len(body) + (10 if self.mode == "breaks" else 0)
                answer = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {promised}\r\n\r\n"
                writer.write(answer.encode() + body)
                if self.mode == "breaks":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.upstream = Upstream(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", f"key of {self.name}")
        yield self
        server.close()


async def application(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


def route(deployments: dict, **changes) -> Route:
    fields = {
        "workspace": "default",
        "endpoint": "digits",
        "auth_mode": "key",
        "key_hashes": (hashlib.sha256(b"other").digest(), hashlib.sha256(KEY.encode()).digest()),
        "traffic": {next(iter(deployments), "blue"): 100},
        "deployments": {name: tuple(server.upstream for server in servers) for name, servers in deployments.items()},
    }
    return Route(**{**fields, **changes})


def gateway(*routes: Route, **settings) -> Gateway:
    table = RoutingTable()
    table.replace(routes)
    return Gateway(application, table, counters=Counters(), **settings)


def client(served: Gateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://atelier", headers=HEADERS)


async def score(served: Gateway, path: str = "/endpoints/digits/score", **sent) -> httpx.Response:
    async with client(served) as http:
        return await http.post(path, **{"json": {"input_data": [[1]]}, **sent})


def test_a_request_reaches_the_instance_and_its_answer_comes_back():
    async def check():
        async with ScoringServer("a").running() as server:
            answer = await score(gateway(route({"blue": [server]})))
            assert (answer.status_code, answer.json()) == (200, {"by": "a"})
            assert answer.headers["azureml-model-deployment"] == "blue"
            assert answer.headers["x-ms-request-id"]
            sent = server.requests[0]
            assert sent.startswith(b"POST /score HTTP/1.1\r\n")
            assert b"x-atelier-instance-key: key of a" in sent
            assert b"the key" not in sent
            assert sent.endswith(b'{"input_data":[[1]]}')

    asyncio.run(check())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/w/default/endpoints/digits/invocations", 200),
        ("/w/other/endpoints/digits/score", 404),
        ("/endpoints/nothing/score", 404),
    ],
)
def test_the_address_names_workspace_and_endpoint(path, status):
    async def check():
        async with ScoringServer("a").running() as server:
            answer = await score(gateway(route({"blue": [server]})), path)
            assert answer.status_code == status

    asyncio.run(check())


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", KEY])
def test_a_wrong_key_is_refused_and_reaches_nobody(header):
    async def check():
        async with ScoringServer("a").running() as server:
            answer = await score(gateway(route({"blue": [server]})), headers={"authorization": header})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
            assert server.requests == []

    asyncio.run(check())


def test_token_modes_are_judged_by_the_route():
    async def check():
        async with ScoringServer("a").running() as server:
            served = gateway(route({"blue": [server]}, auth_mode="aml_token", authorize=lambda token: token == "t"))
            assert (await score(served)).status_code == 401
            assert (await score(served, headers={"authorization": "Bearer t"})).status_code == 200

    asyncio.run(check())


def test_whatever_is_no_scoring_request_goes_on():
    async def check():
        async with client(gateway()) as http:
            assert (await http.put("/endpoints/digits/score")).text == "the application"
            assert (await http.post("/endpoints/digits")).text == "the application"

    asyncio.run(check())


async def ready(served: Route, is_connected: bool) -> Gateway:
    """A gateway that has a connection to the first instance already, or has none."""
    found = gateway(served)
    if is_connected:
        await score(found)
    return found


def test_traffic_is_shared_by_percent_and_a_header_overrides_it():
    async def check():
        async with ScoringServer("a").running() as a, ScoringServer("b").running() as b:
            served = gateway(route({"blue": [a], "green": [b]}, traffic={"blue": 100, "green": 0}))
            assert {(await score(served)).json()["by"] for _ in range(20)} == {"a"}
            asked = await score(served, headers={"azureml-model-deployment": "green"})
            assert asked.json()["by"] == "b"
            unknown = await score(served, headers={"azureml-model-deployment": "red"})
            assert unknown.status_code == 404
            assert "blue, green" in unknown.json()["error"]["message"]

    asyncio.run(check())


def test_no_ready_instance_says_when_to_try_again():
    async def check():
        answer = await score(gateway(route({"blue": []})))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")

    asyncio.run(check())


def test_pages_of_origins_that_a_deployment_names_may_score():
    async def asked(origin: str, **sent):
        async with ScoringServer("a").running() as server:
            served = gateway(route({"blue": [server]}, origins={"blue": frozenset({"https://shop.example"})}))
            async with client(served) as http:
                wants = {"origin": origin, "access-control-request-headers": "authorization"}
                before = await http.options("/endpoints/digits/score", headers={**wants, "authorization": ""})
                answer = await http.post("/endpoints/digits/score", json={}, headers={"origin": origin, **sent})
                return before, answer, len(server.requests)

    before, answer, reached = asyncio.run(asked("https://shop.example"))
    assert before.status_code == 200 and before.headers["access-control-allow-headers"] == "authorization"
    assert before.headers["access-control-allow-methods"] == "GET, POST" and reached == 1
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    refused = asyncio.run(asked("https://shop.example", authorization="Bearer wrong"))[1]
    assert refused.status_code == 401 and "access-control-allow-origin" in refused.headers
    before, answer, _ = asyncio.run(asked("https://other.example"))
    assert "access-control-allow-origin" not in {**before.headers, **answer.headers}


@pytest.mark.parametrize("mode", ["chunks", "closes"])
def test_answers_whose_length_is_not_said_are_whole(mode):
    async def run():
        async with ScoringServer("a", mode).running() as server:
            served = gateway(route({"blue": [server]}))
            return [await score(served) for _ in range(3)]

    assert [found.json() for found in asyncio.run(run())] == [{"by": "a"}] * 3


def test_connections_are_kept():
    async def check():
        async with ScoringServer("a").running() as server:
            served = gateway(route({"blue": [server]}))
            for _ in range(5):
                await score(served)
            assert (len(server.requests), server.connections) == (5, 1)

    asyncio.run(check())


@pytest.mark.parametrize("is_connected", [False, True])
def test_a_connection_that_fails_before_an_answer_is_tried_on_another_instance(is_connected):
    async def check():
        async with ScoringServer("a").running() as a, ScoringServer("b").running() as b:
            served = await ready(route({"blue": [a, b]}), is_connected)
            a.mode = "dies"
            answer = await score(served)
            assert answer.json() == {"by": "b"}
            assert len(a.requests) == 1 + is_connected
        # Those of a lost worker stand in the routes until its lease runs out.
        async with ScoringServer("c").running() as c:
            served = gateway(route({"blue": [a, b, c]}))
            assert [(await score(served)).json() for _ in range(3)] == [{"by": "c"}] * 3

    asyncio.run(check())


@pytest.mark.parametrize("is_connected", [False, True])
def test_an_instance_that_stays_away_is_unavailable(is_connected):
    async def check():
        async with ScoringServer("a").running() as server:
            served = await ready(route({"blue": [server]}), is_connected)
            server.mode = "dies"
            answer = await score(served)
            assert (answer.status_code, len(server.requests)) == (503, 2 + is_connected)

    asyncio.run(check())


@pytest.mark.parametrize("is_connected", [False, True])
def test_an_instance_that_does_not_answer_times_out(is_connected):
    async def check():
        async with ScoringServer("a").running() as server:
            # The grace for the server's own answer comes on top.
            served = await ready(route({"blue": [server]}, timeouts_ms={"blue": 50}), is_connected)
            server.mode = "slow"
            answer = await score(served)
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "RequestTimeout")
            await asyncio.wait_for(server.cancelled.wait(), 5)

    asyncio.run(check())


async def _chunks():
    for _ in range(20):
        yield b"x" * 10


def test_a_body_over_the_limit_is_refused_unread():
    async def check():
        async with ScoringServer("a").running() as server:
            served = gateway(route({"blue": [server]}), body_limit=100)
            for content in (b"x" * 101, _chunks()):
                answer = await score(served, json=None, content=content)
                assert (answer.status_code, answer.headers["connection"]) == (413, "close")
            assert server.requests == []

    asyncio.run(check())


@pytest.mark.parametrize("is_connected", [False, True])
def test_a_client_that_goes_away_cancels_the_request(is_connected):
    async def check():
        async with ScoringServer("a").running() as server:
            served = await ready(route({"blue": [server]}), is_connected)
            server.mode = "slow"
            server.requests.clear()
            abandoned = []
            served.scoring.abandoned.append(lambda ask, answer: abandoned.append((ask.deployment, answer.status)))
            gone = asyncio.Event()
            messages = iter([{"type": "http.request", "body": b"{}"}])

            async def receive():
                message = next(messages, None)
                if message is None:
                    await gone.wait()
                    return {"type": "http.disconnect"}
                return message

            async def send(message):
                raise AssertionError("nobody is there to be answered")

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/endpoints/digits/score",
                "headers": [(b"authorization", HEADERS["authorization"].encode())],
            }
            work = asyncio.create_task(served(scope, receive, send))
            while not server.requests:
                await asyncio.sleep(0.005)
            gone.set()
            await asyncio.wait_for(work, 2)
            await asyncio.wait_for(server.cancelled.wait(), 2)
            assert abandoned == [("blue", 499)]
            assert served.scoring.pool.outstanding(server.upstream.address) == 0

    asyncio.run(check())


def test_answers_are_counted_by_deployment():
    async def check():
        async with ScoringServer("a").running() as server:
            counters = Counters()
            table = RoutingTable()
            table.replace([route({"blue": [server]})])
            served = Gateway(application, table, counters=counters)
            await score(served)
            await score(served, headers={"authorization": "Bearer wrong"})
            figures = counters.of("default", "digits")["blue"]
            assert (figures.requests, figures.errors, sum(figures.buckets)) == (1, 0, 1)
            assert figures.quantile(0.5) > 0
            assert {family.name for family in counters.collect()} == {
                "atelier_scoring_requests",
                "atelier_scoring_seconds",
                "atelier_scoring_wait_seconds",
                "atelier_scoring_batched_requests",
                "atelier_collected_requests",
            }
            assert counters.of("default", "digits")[""].statuses == {401: 1}

    asyncio.run(check())
