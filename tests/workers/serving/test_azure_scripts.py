"""Scoring scripts of Azure ML that import what only Azure's images have."""

import asyncio
import json
import sys

import pytest

from workers.serving.guest import openapi
from workers.serving.guest.custom_model import ScriptModel
from workers.serving.guest.errors import BadInput
from workers.serving.guest.scoring import Limits, ScoringApp
from workers.serving.guest.wire import Request

RAW = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass

@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse({"asked": request.args["q"]}, 201, {"X-Kind": "read"}, json_str=True)
    return AMLResponse(request.get_data()[::-1], 200, {"Content-Type": "application/octet-stream"})
"""
SCHEMA = """
import numpy as np
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

def init():
    global factor
    factor = 2

@input_schema("data", NumpyParameterType(np.array([[1.5, 2.5]])))
@input_schema("shift", StandardPythonParameterType(3))
@output_schema(StandardPythonParameterType([1.0]))
def run(data, shift=1):
    if shift < 0:
        raise ValueError("shift is negative")
    return (data.sum(axis=1) * factor + shift).tolist()
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    before, places = set(sys.modules), list(sys.path)

    def load(text: str) -> ScriptModel:
        (tmp_path / "score_of_azure.py").write_text(text)
        return ScriptModel(tmp_path / "score_of_azure.py", None)

    yield load
    sys.path[:] = places
    for name in set(sys.modules) - before:
        if name.startswith(("azureml", "inference_schema", "score_of_azure")):
            del sys.modules[name]


def ask(model: ScriptModel, body: bytes, method: str = "POST", query: str = ""):
    return model.answer(Request(method, "/score", {"content-type": "application/json"}, body, query))


def test_a_raw_script_gets_the_request_and_answers_as_it_likes(script):
    model = script(RAW)
    answer = ask(model, b"", "GET", "q=all")
    assert (answer.status, answer.body, answer.headers) == (201, b'{"asked":"all"}', {"x-kind": "read"})
    answer = ask(model, b"\xff\x00a")
    assert (answer.status, answer.body, answer.content_type) == (200, b"a\x00\xff", "application/octet-stream")


PLAIN = "def init(): pass\ndef run(raw): return {'raw': raw}\n"


@pytest.mark.parametrize(
    ("text", "path", "answer"),
    [
        (RAW, "/score?q=all", (201, '{"asked":"all"}')),
        (SCHEMA, "/score?data=[[1,2]]&shift=0", (200, "[6.0]")),
        (
            PLAIN,
            "/score?a=1&b=[1,2]&c=x&c=null",
            (200, '{"raw":"{\\"a\\": 1, \\"b\\": [1, 2], \\"c\\": [\\"x\\", null]}"}'),
        ),
        (PLAIN, "/", (200, "Healthy")),
        (PLAIN, "/swagger.json?version=2", (200, '{"swagger":"2.0"}')),
    ],
)
def test_a_script_takes_a_get_as_azures_server_gives_it(script, tmp_path, text, path, answer):
    (tmp_path / "swagger2.json").write_text('{"swagger":"2.0"}')
    place, _, query = path.partition("?")

    async def answered():
        app = ScoringApp("key", Limits(5, 1, 8))
        app.model = script(text)
        return await app(Request("GET", place, {"x-atelier-instance-key": "key"}, b"", query))

    found = asyncio.run(answered())
    assert (found.status, found.body.decode()) == answer


def test_a_model_without_a_script_answers_a_get_with_its_health():
    async def answered(query: str):
        app = ScoringApp("key", Limits(5, 1, 8))
        app.model = type("Model", (), {"inputs": [], "outputs": [], "is_framework": False, "batches": False})()
        return await app(Request("GET", "/score", {"x-atelier-instance-key": "key"}, b"", query))

    assert asyncio.run(answered("")).body == b"Healthy"
    assert asyncio.run(answered("a=1")).status == 405


def test_a_schema_converts_what_is_sent_and_describes_the_route(script):
    model = script(SCHEMA)
    assert json.loads(ask(model, b'{"data": [[1, 2], [3, 4]]}').body) == [7.0, 15.0]
    assert json.loads(ask(model, b'{"data": [[1, 2]], "shift": 0}').body) == [6.0]
    described = openapi.describe([], [], *model.samples)["paths"]["/score"]["post"]
    content = described["requestBody"]["content"]["application/json"]
    assert content["example"] == {"data": [[1.5, 2.5]], "shift": 3}
    assert content["schema"]["properties"]["shift"] == {"type": "integer"}
    for body, target in ((b'{"shift": 1}', "data"), (b'{"data": [[1]]}', "data"), (b'{"data": [], "x": 1}', "x")):
        with pytest.raises(BadInput) as refused:
            ask(model, body)
        assert refused.value.target == target


FILES = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass

@rawhttp
def run(req: AMLRequest):
    found = req.files.getlist("file[]")
    answer = AMLResponse(b"|".join([file.stream.read() for file in found] + [req.form["note"].encode()]), 200)
    answer.mimetype = "image/jpg"
    answer.headers["X-Names"] = " ".join(file.filename for file in found)
    return answer
"""


def test_files_of_a_form_reach_a_raw_script(script):
    pieces = [
        b'--b1\r\nContent-Disposition: form-data; name="file[]"; filename="a \\"1\\".jpg"\r\n\r\n\xff\r\n--b\n\x00',
        b'--b1\r\ncontent-disposition: form-data; name="file[]"; filename=b.jpg\r\nContent-Type: image/jpeg\r\n\r\n',
        b'--b1\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello',
        b"--b1--\r\n",
    ]
    headers = {"content-type": 'multipart/form-data; boundary="b1"'}
    answer = script(FILES).answer(Request("POST", "/score", headers, b"\r\n".join(pieces)))
    assert (answer.body, answer.content_type) == (b"\xff\r\n--b\n\x00||hello", "image/jpg")
    assert answer.headers["x-names"] == 'a "1".jpg b.jpg'


PACKAGE = """
import functools
def input_schema(param_name, param_type):
    def decorate(function):
        @functools.wraps(function)
        def call(*given, **named):
            return function(*given, **{**named, param_name: param_type(named[param_name])})
        call.decorated = param_name
        return call
    return decorate
"""


def test_a_schema_of_the_package_itself_gets_its_parameters(script, tmp_path, monkeypatch):
    (tmp_path / "site" / "inference_schema").mkdir(parents=True)
    place = tmp_path / "site" / "inference_schema"
    (place / "__init__.py").write_text("")
    (place / "schema_decorators.py").write_text("from . import schema_util\n" + PACKAGE)
    (place / "schema_util.py").write_text(
        "def is_schema_decorated(function): return hasattr(function, 'decorated')\n"
        "def get_input_schema(function): return {'example': {function.decorated: [1]}}\n"
        "def get_output_schema(function): return {}\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    model = script(
        "from inference_schema.schema_decorators import input_schema\ndef init(): pass\n"
        "@input_schema('data', tuple)\ndef run(data, more=2): return [*data, more]\n"
    )
    assert json.loads(ask(model, b'{"data": [3, 4]}').body) == [3, 4, 2]
    assert model.samples == ({"data": [1]}, None)
    with pytest.raises(BadInput, match="data is missing"):
        ask(model, b"{}")


def test_an_error_of_the_script_is_said_to_be_its_own(script):
    answer = ask(script(SCHEMA), b'{"data": [[1, 2]], "shift": -1}')
    assert (answer.status, answer.headers) == (500, {"x-ms-run-function-failed": "True"})
    assert json.loads(answer.body)["error"]["message"] == "ValueError: shift is negative"
