"""The gateway's own port, over real sockets."""

import asyncio
import json
from contextlib import asynccontextmanager

from app.endpoints.gateway import Counters, Route, RoutingTable, Scoring
from app.endpoints.gateway.http import Listener
from tests.endpoints.test_gateway import KEY, ScoringServer, route

HEAD = f"POST /endpoints/digits/score HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n"


@asynccontextmanager
async def port(*routes: Route, **settings):
    table = RoutingTable()
    table.replace(routes)
    listener = Listener(Scoring(table, counters=Counters(), **settings))
    server = await asyncio.get_running_loop().create_server(listener.protocol, "127.0.0.1", 0)
    streams = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    yield listener, *streams
    streams[1].close()
    server.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


def request(body: str = "{}", head: str = HEAD) -> bytes:
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


def test_requests_on_one_connection_are_answered_in_their_order():
    async def check():
        async with (
            ScoringServer("a").running() as server,
            port(route({"blue": [server]})) as (listener, reader, writer),
        ):
            seen = []
            listener.scoring.after.append(lambda ask, answer: seen.append((ask.deployment, answer.status)))
            writer.write(request('{"a":1}') + request(head="GET /healthz HTTP/1.1\r\n") + request('{"b":2}'))
            answers = [await answer(reader) for _ in range(3)]
            writer.write(request(head="GET /metrics HTTP/1.1\r\n"))
            assert (
                b'deployment="blue",endpoint="digits",status="200",workspace="default"} 2' in (await answer(reader))[2]
            )
            assert [(status, body) for status, _, body in answers] == [
                (200, b'{"by": "a"}'),
                (200, b"ok"),
                (200, b'{"by": "a"}'),
            ]
            assert answers[0][1]["azureml-model-deployment"] == "blue"
            assert seen == [("blue", 200), ("blue", 200)]
            sent = server.requests[0].lower()
            assert b"authorization" not in sent and sent.count(b"host:") == 1
            assert server.connections == 1

    asyncio.run(check())


def test_a_head_that_is_said_again_stands_for_its_own_body_only():
    other = HEAD.replace(KEY, KEY[::-1])

    async def check():
        async with ScoringServer("a").running() as server, port(route({"blue": [server]})) as (_, reader, writer):
            for sent in (
                request('{"a":1}'),
                request('{"b":2}'),
                request('{"c":34}'),
                request('{"d":5}') + request('{"e":6}'),
                request('{"f":7}'),
            ):
                writer.write(sent)
                for _ in range(sent.count(b"POST")):
                    assert (await answer(reader))[0] == 200
            writer.write(request('{"g":8}', head=other))
            assert (await answer(reader))[0] == 401
            # The head of the answer before, and then a body that comes in pieces.
            writer.write(request('{"h":9}')[:-3])
            await asyncio.sleep(0.02)
            writer.write(b":9}" + request('{"i":1}'))
            assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]
            bodies = [sent.rpartition(b"\r\n\r\n")[2].decode() for sent in server.requests]
            assert bodies == [
                f'{{"{name}":{value}}}' for name, value in zip("abcdefhi", (1, 2, 34, 5, 6, 7, 9, 1), strict=True)
            ]

    asyncio.run(check())


def test_a_get_reaches_the_instance_as_one():
    async def check():
        async with (
            ScoringServer("a").running() as server,
            port(route({"blue": [server]})) as (_, reader, writer),
        ):
            head = HEAD.replace("POST /endpoints/digits/score", "GET /endpoints/digits/score?q=all")
            writer.write(request("", head) + request("", HEAD.replace("/score", "/swagger.json")))
            assert [(await answer(reader))[0] for _ in range(2)] == [200, 404]
            assert server.requests[0].startswith(b"GET /score?q=all HTTP/1.1")

    asyncio.run(check())


def test_a_chunked_body_is_taken_and_one_over_the_limit_ends_the_connection():
    async def check():
        async with (
            ScoringServer("a").running() as server,
            port(route({"blue": [server]}), body_limit=100) as (listener, reader, writer),
        ):
            chunked = HEAD + "transfer-encoding: chunked\r\n\r\n"
            writer.write(f"{chunked}2\r\n{{}}\r\n0\r\n\r\n".encode())
            assert (await answer(reader))[0] == 200
            assert server.requests[0].endswith(b"\r\n\r\n{}")
            writer.write(f"{chunked}65\r\n{'x' * 101}\r\n".encode())
            status, headers, body = await answer(reader)
            assert (status, headers["connection"]) == (413, "close")
            assert json.loads(body)["error"]["code"] == "PayloadTooLarge"
            assert await reader.read() == b""
            # A client that is still sending is not cut off, for a while.
            writer.write(b"x" * 100_000)
            await writer.drain()
            assert (listener.receiving, len(listener.connections)) == (0, 1)
            for connection in list(listener.connections):
                connection.end_if_late(asyncio.get_running_loop().time() + 60)
            while listener.connections:
                await asyncio.sleep(0)

    asyncio.run(check())


def test_who_sends_no_http_or_too_slowly_is_told_and_let_go():
    async def check():
        async with port() as (_, reader, writer):
            writer.write(b"hello\r\n\r\n")
            assert (await answer(reader))[0] == 400
        async with port() as (_, reader, writer):
            writer.write(HEAD.encode() + b"x: " + b"x" * 70_000 + b"\r\n\r\n")
            assert (await answer(reader))[0] == 431
        async with port() as (listener, reader, writer):
            writer.write(HEAD.encode() + b"content-length: 10\r\n\r\n{")
            while not listener.receiving:
                await asyncio.sleep(0)
            for connection in list(listener.connections):
                connection.end_if_late(asyncio.get_running_loop().time() + 120)
            assert (await answer(reader))[0] == 408

    asyncio.run(check())


def test_a_client_that_goes_away_cancels_its_request():
    async def check():
        async with ScoringServer("a", "slow").running() as server:
            async with port(route({"blue": [server]})) as (listener, _, writer):
                writer.write(request())
                while not server.requests:
                    await asyncio.sleep(0.002)
            await asyncio.wait_for(server.cancelled.wait(), 5)
            assert listener.scoring.pool.outstanding(server.upstream.address) == 0

    asyncio.run(check())
