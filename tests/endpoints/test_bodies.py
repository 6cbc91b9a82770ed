"""Example bodies and the form of a signature."""

import json
from types import SimpleNamespace

import pytest

from app.endpoints import bodies, snippets
from app.errors import Invalid

KINDS = ("double", "long", "boolean", "string", "datetime", "array")
COLUMNS = [{"name": kind, "type": kind, "required": kind != "string"} for kind in KINDS]
CELLS = ["1.5", "7", "true", "red", "2026-01-31", "[1, 2]"]
ROW = [1.5, 7, True, "red", "2026-01-31", [1, 2]]


def version(inputs, example=None):
    return SimpleNamespace(signature={"inputs": inputs} if inputs else None, input_example=example)


def tensor(*shape, dtype="float32", name=None):
    found = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}
    return found | ({"name": name} if name else {})


def test_a_field_a_column_filled_with_the_first_row_of_the_example():
    example = {"dataframe_split": {"columns": ["long", "double"], "data": [[3, 2.5], [4, 1.0]]}}
    found = {field.name: field.value for field in bodies.fields(version(COLUMNS, example))}
    assert found == {
        "double": "2.5",
        "long": "3",
        "boolean": "false",
        "string": "",
        "datetime": found["datetime"],
        "array": "[]",
    }


@pytest.mark.parametrize("example", [{"inputs": [{"double": 9.0}]}, {"dataframe_records": [{"double": 9.0}]}])
def test_records_fill_fields_too(example):
    assert bodies.fields(version(COLUMNS, example))[0].value == "9.0"


@pytest.mark.parametrize("inputs", [[tensor(-1, 64)], [{"name": f"c{n}", "type": "double"} for n in range(101)], None])
def test_tensors_and_very_many_columns_have_no_fields(inputs):
    assert bodies.fields(version(inputs)) == []


def test_a_filled_form_is_a_body():
    body = bodies.body(version(COLUMNS), CELLS)
    assert body == {"input_data": {"columns": list(KINDS), "index": [0], "data": [ROW]}}


def test_a_column_that_may_be_missing_is_left_out_when_it_is_empty():
    body = bodies.body(version(COLUMNS), [*CELLS[:3], "", *CELLS[4:]])
    assert "string" not in body["input_data"]["columns"]


def test_columns_without_names_are_a_list():
    assert bodies.body(version([{"type": "double"}, {"type": "long"}]), ["1", "2"]) == {"input_data": [[1.0, 2]]}


@pytest.mark.parametrize(
    ("place", "text"),
    [(0, "abc"), (0, ""), (0, "nan"), (0, "inf"), (1, "1.5"), (2, "yes"), (2, ""), (4, ""), (5, "[1,")],
)
def test_a_wrong_cell_is_named_by_its_column(place, text):
    cells = [text if number == place else cell for number, cell in enumerate(CELLS)]
    with pytest.raises(Invalid) as error:
        bodies.body(version(COLUMNS), cells)
    assert error.value.target == KINDS[place]


def test_cells_of_another_form_are_refused():
    with pytest.raises(Invalid, match="1 values came for 6 columns"):
        bodies.body(version(COLUMNS), ["1"])


def test_the_models_own_example_comes_first():
    assert bodies.example(version(COLUMNS, {"inputs": [1]})) == {"inputs": [1]}


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        ([tensor(-1, 2)], [[0.0, 0.0]]),
        ([tensor(2, dtype="int64", name="a"), tensor(1, dtype="bool", name="b")], {"a": [0, 0], "b": [False]}),
        ([tensor(-1, 3, 224, 224)], []),
        (None, []),
    ],
)
def test_without_an_example_one_is_made_from_the_signature(inputs, body):
    assert bodies.example(version(inputs)) == {"input_data": body}


def test_what_is_laid_out_is_the_same_json_on_short_lines():
    value = {"inputs": [[float(number) for number in range(64)]], "words": {"a": None, "b": "ü" * 50}, "empty": []}
    text = bodies.laid_out(value)
    assert json.loads(text) == value
    assert max(map(len, text.splitlines())) <= bodies.LINE


@pytest.mark.parametrize(
    "body", [{"input_data": [["it's", None]]}, {"a": [True, "'''"]}, {"a": ["back\\slash\n"]}, {"a": [1]}]
)
def test_the_code_in_python_holds_the_body(body):
    code = dict(snippets.calls("http://host/score", body, "key", "secret"))["Python"]
    sent = {}
    post = lambda url, json, **rest: sent.update(body=json, **rest) or SimpleNamespace(status_code=200, json=dict)  # noqa: E731
    exec(code.replace("import requests", ""), {"requests": SimpleNamespace(post=post)})
    assert sent["body"] == body and sent["headers"] == {"Authorization": "Bearer secret"}


def test_a_long_body_lies_in_a_file():
    found = dict(snippets.calls("http://host/score", {"inputs": [0.123456] * 2000}, "key", None))
    assert all("request.json" in code and "0.123456" not in code for code in found.values())
    assert "$ENDPOINT_KEY" in found["curl"]
