"""Requests that wait together are predicted together, and answered as each would be alone."""

import asyncio
import json
import threading
from pathlib import Path

from workers.serving.guest.batching import Given
from workers.serving.guest.custom_model import FileModel
from workers.serving.guest.scoring import Limits, ScoringApp
from workers.serving.guest.wire import Request

MODEL = """
class Served:
    batches = True

    def load(self, folder):
        self.calls = []

    def predict(self, rows):
        self.calls.append(len(rows))
        self.wait()
        if any(cell == "wrong" for row in rows for cell in row):
            raise ValueError("a cell is wrong")
        return {answer}
"""


async def answered(tmp_path: Path, answer: str, rounds: list[list[list]]) -> tuple[list[int], list[list]]:
    """The sizes of the calls of `predict` and the answers, where each round waits until a lone request lets it go."""
    (tmp_path / "served.py").write_text(MODEL.replace("{answer}", answer))
    model = FileModel(tmp_path)
    app = ScoringApp("key", Limits(5, 1, 8))
    app.model = model

    async def ask(rows: list):
        raw = json.dumps({"inputs": rows}).encode()
        answer = await app(Request("POST", "/score", {"x-atelier-instance-key": "key"}, raw))
        return json.loads(answer.body) if answer.status == 200 else answer.status

    found = []
    for sent in rounds:
        held = threading.Event()
        model.native.wait = held.wait
        tasks = [asyncio.create_task(ask(rows)) for rows in ([[0]], *sent)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        held.set()
        found.append((await asyncio.gather(*tasks))[1:])
    return model.native.calls, found


def test_what_waits_is_one_batch_once_a_batch_has_agreed_with_single_requests(tmp_path):
    rounds = [[[[1]], [[2], [3]]], [[[4], [5]], [[6]], [[7]]]]
    calls, found = asyncio.run(answered(tmp_path, "[row[0] * 2 for row in rows]", rounds))
    assert found == [[[2], [4, 6]], [[8, 10], [12], [14]]]
    assert calls == [1, 3, 1, 2, 1, 4]


def test_one_wrong_request_of_a_batch_fails_alone(tmp_path):
    rounds = [[[[1]], [["wrong"]], [[2]]]]
    calls, found = asyncio.run(answered(tmp_path, "[row[0] for row in rows]", rounds))
    assert found == [[[1], 400, [2]]]
    assert calls == [1, 3, 1, 1, 1]


def test_a_model_whose_rows_depend_on_one_another_gets_no_batches(tmp_path):
    rounds = [[[[1]], [[3]]], [[[1]], [[3]]]]
    calls, found = asyncio.run(answered(tmp_path, "[row[0] / sum(map(sum, rows)) for row in rows]", rounds))
    assert found == [[[1], [1]]] * 2
    assert calls == [1, 2, 1, 1, 1, 1, 1]


class Doubling:
    """As quick as a model can be."""

    is_framework = batches = True
    inputs: list[dict] = []
    outputs: list[dict] = []

    def __init__(self) -> None:
        self.calls: list[int] = []

    def read(self, raw: bytes, content_type: str) -> Given:
        return Given(json.loads(raw))

    def predict(self, given: Given) -> list:
        self.calls.append(given.rows)
        return [2 * row[0] for row in given.value]


def test_a_quick_model_answers_on_the_loop_one_at_once_and_what_comes_together_in_one_call():
    async def check():
        app = ScoringApp("key", Limits(5, 1, 8))
        app.model = model = Doubling()
        answers = {}

        def ask(number, key="key"):
            request = Request("POST", "/score", {"x-atelier-instance-key": key}, json.dumps([[number]]).encode())
            return request, lambda response: answers.update({number: (response.status, response.body)})

        assert not app.quick(*ask(0)), "nothing is known of it yet"
        await app(ask(0)[0])
        # The first batch has to agree with single requests. From then on the first that comes waits for others, too.
        for calls in ([1, 2, 1, 1], [3]):
            model.calls.clear()
            answers.clear()
            assert all(app.quick(*ask(number)) for number in (1, 2, "x"))
            while len(answers) < 3:
                await asyncio.sleep(0)
            assert answers == {1: (200, b"[2]"), 2: (200, b"[4]"), "x": (200, b'["xx"]')}
            assert model.calls == calls
        assert app.in_flight == 0
        assert not app.quick(*ask(1, key="other"))

    asyncio.run(check())


def test_none_waits_longer_for_its_turn_than_the_deployment_says():
    async def check():
        held = threading.Event()
        model = Doubling()
        model.predict = lambda given: held.wait() and [0]
        app = ScoringApp("key", Limits(5, 1, 8, queue_seconds=0.01))
        app.model = model
        sent = [Request("POST", "/score", {"x-atelier-instance-key": "key"}, b"[[1]]") for _ in range(2)]
        scored, waits = [asyncio.create_task(app(request)) for request in sent]
        refused = await waits
        held.set()
        return refused, await scored

    refused, scored = asyncio.run(check())
    assert (refused.status, scored.status) == (429, 200)
    assert "0.01 s" in json.loads(refused.body)["error"]["message"]
