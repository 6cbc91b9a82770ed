"""Forms of scoring requests, and what plain answers they get."""

import json
import math

import pytest

from workers.serving.guest import answers, bodies, openapi
from workers.serving.guest.errors import BadInput
from workers.serving.guest.signature import Table, check_table, parse

ROWS = [[1, 2], [3, 4]]
RECORDS = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


@pytest.mark.parametrize(
    "sent",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": ROWS}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"input_data": {"columns": ["a", "b"], "index": [0, 1], "data": ROWS}},
        RECORDS,
    ],
)
def test_every_form_of_a_table_is_the_same_table(sent):
    data = bodies.read(json.dumps(sent).encode(), "application/json").data
    assert (data.columns, data.rows) == (["a", "b"], ROWS)


@pytest.mark.parametrize("form", ["inputs", "instances", "input_data"])
def test_lists_stay_lists(form):
    assert bodies.read(json.dumps({form: ROWS}).encode(), "").data == ROWS


def test_counted_columns_name_nothing():
    sent = {"input_data": {"columns": [0, 1], "data": ROWS}}
    assert bodies.read(json.dumps(sent).encode(), "").data.columns is None


def test_csv_is_a_table_of_text():
    read = bodies.read(b"a,b\n1,x\n", "text/csv; charset=utf-8").data
    assert read == Table(["a", "b"], [["1", "x"]], "body", is_text=True)


@pytest.mark.parametrize(
    ("raw", "target", "said"),
    [
        (b"", "body", "empty"),
        (b"{", "body", "not JSON"),
        (b"\xff", "body", "not UTF-8"),
        (b"5", "body", "not an object"),
        (b"{}", "body", "Expected one of input_data"),
        (b'{"inputs": [], "instances": []}', "instances", "both inputs and instances"),
        (b'{"inputs": [], "other": 1}', "other", "unknown field"),
        (b'{"inputs": [], "params": 5}', "params", "expected an object"),
        (b'{"dataframe_split": {"columns": ["a"]}}', "dataframe_split.data", "expected a list of rows"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "dataframe_split.data", "has 2 values"),
        (b'{"dataframe_records": [{"a": 1}, {"b": 1}]}', "b", "column 'b' is missing"),
        (b'{"input_data": 5}', "input_data", "expected an object"),
    ],
)
def test_a_wrong_body_names_the_field(raw, target, said):
    with pytest.raises(BadInput) as caught:
        bodies.read(raw, "application/json")
    assert caught.value.target == target
    assert said in caught.value.message


def test_another_content_type_is_refused():
    with pytest.raises(BadInput, match="image/png"):
        bodies.read(b"x", "image/png")


def test_what_is_no_number_in_json_becomes_null():
    assert answers.encode({"x": (math.nan, math.inf, 1.5)}) == b'{"x":[null,null,1.5]}'


def test_what_has_no_form_in_json_is_an_error():
    with pytest.raises(TypeError, match="object is not JSON serializable"):
        answers.encode(object())


def test_the_example_of_a_description_satisfies_its_signature():
    schema = [{"name": "a", "type": "double", "required": True}, {"name": "b", "type": "string", "required": True}]
    operation = openapi.describe(schema, [])["paths"]["/score"]["post"]
    sent = operation["requestBody"]["content"]["application/json"]["example"]
    check_table(parse(schema), bodies.read(json.dumps(sent).encode(), "").data)
