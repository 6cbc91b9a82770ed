"""What a scoring script collects goes behind its answer, where the gateway asks for it, and to the gateway only."""

import asyncio
import json
from dataclasses import replace

from app.endpoints.collecting.settings import Collecting, Collection
from app.endpoints.gateway.asking import Ask
from app.endpoints.gateway.client import Reply
from app.endpoints.gateway.scoring import Scoring
from tests.endpoints.test_gateway import ScoringServer, gateway, route
from workers.serving.guest.custom_model import ScriptModel
from workers.serving.guest.wire import Request

SCRIPT = """
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext

class Frame:
    def to_dict(self, orient):
        return [{"age": 41}]

def init():
    global inputs, others
    inputs, others = Collector(name="model_inputs"), Collector(name="others", on_error=lambda error: None)

def run(data):
    context = inputs.collect(Frame(), BasicCorrelationContext(id="mine"))
    others.collect(Frame(), context)
    others.collect([1])
    return [context.get_id()]
"""


def test_a_script_collects_what_is_asked_for(tmp_path):
    (tmp_path / "score.py").write_text(SCRIPT)
    model = ScriptModel(tmp_path / "score.py", None)
    asked = model.answer(Request("POST", "/score", {"x-atelier-collect": "model_inputs"}, b"{}"))
    size = int(asked.headers["x-atelier-collected"])
    assert json.loads(asked.body[:-size]) == ["mine"]
    assert json.loads(asked.body[-size:]) == [["model_inputs", [{"age": 41}]]]
    assert json.loads(model.answer(Request("POST", "/score", {}, b"{}")).body) == ["mine"]


def test_the_gateway_asks_for_it_and_keeps_it_from_the_caller(monkeypatch):
    settings = Collecting(1.0, {"model_inputs": Collection("a", "1", "a")}, "%Y", (), frozenset(), in_rows=False)

    async def check():
        async with ScoringServer("a").running() as server:
            scoring: Scoring = gateway(replace(route({"blue": [server]}), collecting={"blue": settings})).scoring
            sent = scoring.pool.send

            async def send(address: str, request) -> Reply:
                reply = await sent(address, request)
                return Reply(200, reply.headers | {b"x-atelier-collected": b"2"}, b"[1][]")

            monkeypatch.setattr(scoring.pool, "send", send)
            headers = {b"authorization": b"Bearer the key", b"x-atelier-collect": b"everything"}
            ask, answers = Ask("default", "digits", "score", headers, b"{}"), []
            await scoring.start(ask, answers.append)
            assert (answers[0].body, ask.collected) == (b"[1]", b"[]")
            assert b"x-atelier-collected" not in dict(answers[0].headers)
            assert b"x-atelier-collect: model_inputs\r\n" in server.requests[0] + b"\r\n"
            assert b"everything" not in server.requests[0]

    asyncio.run(check())
