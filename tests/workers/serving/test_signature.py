"""Requests against signatures."""

import pytest

from workers.serving.guest import signature
from workers.serving.guest.errors import BadInput
from workers.serving.guest.signature import Table, check_table, check_tensor, parse

COLUMNS = parse(
    [
        {"name": "age", "type": "long", "required": True},
        {"name": "weight", "type": "double", "required": True},
        {"name": "note", "type": "string", "required": False},
    ]
)
TENSOR = parse([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]).tensors[0]


def table(columns, *rows, **more) -> Table:
    return Table(columns, [list(row) for row in rows], "input_data.data", **more)


def refused(columns, *rows) -> BadInput:
    with pytest.raises(BadInput) as caught:
        check_table(COLUMNS, table(columns, *rows))
    return caught.value


def test_columns_are_put_in_the_order_of_the_signature():
    checked = check_table(COLUMNS, table(["weight", "age"], [1.5, 3]))
    assert (checked.columns, checked.rows) == (["age", "weight"], [[3, 1.5]])


def test_rows_without_names_take_the_names_of_the_signature():
    assert check_table(COLUMNS, table(None, [3, 1.5, "x"])).columns == ["age", "weight", "note"]


@pytest.mark.parametrize(
    ("columns", "row", "target", "said"),
    [
        (["age"], [3], "weight", "Missing column 'weight'"),
        (["age", "weight", "size"], [3, 1, 2], "size", "Unknown column 'size'"),
        (["age", "age", "weight"], [3, 3, 1], "age", "given twice"),
        (["age", "weight"], [3, "x"], "weight", "row 0: expected a number (double), got the string 'x'"),
        (["age", "weight"], [3.5, 1], "age", "expected a whole number (64-bit integer), got the number 3.5"),
        (["age", "weight"], [None, 1], "age", "got null"),
        (["age", "weight"], [True, 1], "age", "got true"),
        (["age", "weight", "note"], [1, 1, 5], "note", "expected a string, got the number 5"),
    ],
)
def test_a_wrong_request_names_the_column(columns, row, target, said):
    error = refused(columns, row)
    assert error.target == target
    assert said in error.message


def test_the_row_that_is_wrong_is_named():
    assert "row 2" in refused(["age", "weight"], [1, 1], [1, 1], [1, "x"]).message


def test_a_row_of_the_wrong_width_is_named():
    assert "row 1 has 2 values. Expected 3" in refused(None, [1, 1.0, "x"], [1, 1.0]).message


def test_text_is_read_by_the_type_of_its_column():
    checked = check_table(COLUMNS, table(["age", "weight", "note"], ["3", "1.5", "007"], is_text=True))
    assert checked.rows == [[3, 1.5, "007"]]


def test_nested_types_are_checked_within():
    inside = {"type": "object", "properties": {"id": {"type": "long", "required": True}}}
    nested = parse([{"name": "items", "type": "array", "items": inside, "required": True}])
    check_table(nested, table(["items"], [[{"id": 1}]]))
    with pytest.raises(BadInput, match="property 'id' is missing"):
        check_table(nested, table(["items"], [[{}]]))


def test_a_tensor_of_the_right_shape_passes():
    check_tensor(TENSOR, [[1, 2.5, 3], [4, 5, 6]], "inputs")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([[1, 2]], "the shape is (1, 2). Expected shape (-1, 3) of float32"),
        ([1, 2, 3], "the shape is (3,)"),
        ([[1, 2, 3], [1, 2]], "inputs[1] has the shape (2,)"),
        ([[1, 2, 3], [1, "x", 3]], "inputs[1][1]: expected a number (float32), got the string 'x'"),
        ([[1, 2, None]], "inputs[0][2]: expected a number (float32), got null"),
        ("text", "the shape is ()"),
    ],
)
def test_a_wrong_tensor_names_the_place(value, said):
    with pytest.raises(BadInput) as caught:
        check_tensor(TENSOR, value, "inputs")
    assert said in caught.value.message
    assert caught.value.target == "inputs"


def test_whole_numbers_are_asked_of_integer_tensors():
    tensor = signature.Tensor(None, "int64", (-1,))
    check_tensor(tensor, [1, 2.0], "inputs")
    with pytest.raises(BadInput, match="whole number"):
        check_tensor(tensor, [1.5], "inputs")
