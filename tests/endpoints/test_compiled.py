"""Compiled models, scored where the request comes in."""

import asyncio
import base64
import json
from dataclasses import replace

import pytest

from app.endpoints.gateway.compiled import Compiled, Engine, Engines
from app.endpoints.gateway.marks import Marks
from app.kit import storage
from tests.endpoints.test_gateway import ScoringServer, route
from tests.endpoints.test_gateway_port import answer, port, request

# ONNX: twice the sum of a row's two cells, as rows of one number.
GRAPH = base64.b64decode(
    "CAg6VwoRCgF4CgF3EgF5IgZNYXRNdWwSAWcqEwgCCAEQASIIAAAAQAAAAEBCAXdaFAoBeBIPCg0IARIJCgMSAW4KAggCYhQKAXkSDwoNCAESCQoDEgFuCgIIAUIECgAQEQ=="
)
INPUT = {"shape": [2], "columns": ["a", "b"], "whole": [], "dtype": "float32", "most": 1000.0}


def compiled(tail=(), columns=None, **taken) -> Compiled:
    return Compiled("graph", len(GRAPH), {**INPUT, **taken}, {"name": "y", "tail": list(tail), "columns": columns})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[[1, 2], [3, 4.5]]", [[6.0], [15.0]]),
        ('{"input_data": [[1, 2]]}', [[6.0]]),
        ('{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}', [[6.0]]),
        ('{"dataframe_split": {"columns": ["b", "a"], "data": [[1, 2]]}}', None),
        ('{"instances": [[1, 2]], "params": {}}', None),
        ('{"inputs": [[1, 2], [3]]}', None),
        ('{"inputs": [[1, "2"]]}', None),
        ('{"inputs": [[1, true]]}', None),
        ('{"inputs": [[1, null]]}', None),
        ('{"inputs": [[1, 2, 3]]}', None),
        ('{"inputs": [[1, 20000]]}', None),
        ('{"inputs": []}', None),
        ("[1, 2]", None),
        ("no JSON", None),
    ],
)
def test_what_is_not_plainly_rows_of_numbers_is_left_to_the_scoring_server(body, expected):
    engine = Engine(compiled(tail=[1]), GRAPH, None, Marks().of("graph"))
    rows = engine.read(body.encode(), b"application/json")
    found = engine._graph.predict(rows) if rows is not None else None
    assert found == expected


def test_whole_numbers_stay_whole():
    engine = Engine(compiled(tail=[1], whole=[True, False]), GRAPH, None, Marks().of("graph"))
    assert engine._graph.predict([[1.0, 2.5]]) is not None
    assert engine._graph.predict([[1.5, 2.5]]) is None
    assert engine.read(b"a,b", b"text/csv") is None


def test_what_comes_together_is_one_batch_and_each_gets_its_own():
    async def check():
        engine = Engine(compiled(tail=[1], columns=["y"]), GRAPH, None, Marks().of("graph"))
        runs, compute = [], engine._compute
        engine._compute = lambda batch: runs.append(len(batch)) or compute(batch)
        sent = (("a", b"[[1, 2]]", False), ("b", b"[[3, 4], [5, 6]]", True), ("wrong", b'[[3, 4], [5, "6"]]', True))
        for expected in ([1, 2], [3]):
            runs.clear()
            answers = {}
            for name, body, wrapped in sent:
                engine.submit(
                    engine.read(body, b""), wrapped, lambda body, name=name, to=answers: to.update({name: body})
                )
            while len(answers) < 3:
                await asyncio.sleep(0)
            assert answers == {"a": b'[{"y":6.0}]', "b": b'{"predictions":[{"y":14.0},{"y":22.0}]}', "wrong": None}
            # The first that comes is not made to wait for others until others have come with one.
            assert runs[: len(expected)] == expected

    asyncio.run(check())


def test_a_graph_that_fails_with_each_request_is_told_of_once(caplog):
    async def check():
        wrong = replace(compiled(), output={"name": "nothing", "tail": [1], "columns": None})
        engine = Engine(wrong, GRAPH, None, Marks().of("graph"))
        found = []
        for _ in range(3):
            engine.submit([[1, 2]], False, found.append)
            await asyncio.sleep(0)
        assert found == [None] * 3

    asyncio.run(check())
    assert [record.getMessage() for record in caplog.records] == [
        "compiled model graph failed; the model itself answers"
    ]


def test_a_compiled_model_answers_and_leaves_what_it_does_not_know_to_its_server(tmp_path):
    storage.connect(str(tmp_path))
    (tmp_path / "graph").write_bytes(GRAPH)

    async def check():
        engines = Engines(1)
        async with (
            ScoringServer("a").running() as server,
            port(
                route({"blue": [server]}, compiled={"blue": compiled()}),
                route({"blue": []}, endpoint="alone", compiled={"blue": compiled()}),
                engines=engines,
            ) as (listener, reader, writer),
        ):
            engines.keep_only({compiled()})
            while not engines.of(compiled()):
                await asyncio.sleep(0.001)
            for body, expected in (("[[1, 2]]", [6.0]), ("[[1, null]]", {"by": "a"})):
                writer.write(request(body))
                status, headers, said = await answer(reader)
                assert (status, json.loads(said), headers["azureml-model-deployment"]) == (200, expected, "blue")
            writer.write(request("[[1, 2]]").replace(b"/digits/", b"/alone/"))
            assert (await answer(reader))[2] == b"[6.0]"
            writer.write(request("[[1, null]]").replace(b"/digits/", b"/alone/"))
            assert (await answer(reader))[0] == 503
            figures = listener.scoring.counters.of("default", "digits")["blue"]
            assert figures.statuses == {200: 2}
        engines.close()

    asyncio.run(check())


def test_what_was_at_work_when_a_gateway_crashed_is_not_loaded_by_the_next(tmp_path):
    storage.connect(str(tmp_path))
    for name in ("killer", "graph"):
        storage.store().write_bytes(name, GRAPH)
    marks = Marks(tmp_path / "marks")
    marks.of("graph").set()
    marks.of("graph").clear()
    marks.of("killer").set()

    async def loaded(engines: Engines) -> list[bool]:
        both = [compiled(), replace(compiled(), key="killer")]
        engines.keep_only(set(both))
        await asyncio.gather(*engines._loading.values())
        return [engines.of(one) is not None for one in both]

    assert asyncio.run(loaded(Engines(1, Marks(tmp_path / "marks")))) == [True, False]
    assert asyncio.run(loaded(Engines(1, Marks(tmp_path / "marks")))) == [True, True]
