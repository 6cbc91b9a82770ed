"""MLflow's filter language, as far as it can be read without a database."""

import pytest

from app.errors import Invalid
from app.kit.filtering import Comparison, Order, parse_filter, parse_order


@pytest.mark.parametrize(
    ("text", "entity", "key", "operator", "value"),
    [
        ("metrics.loss < 0.5", "metrics", "loss", "<", 0.5),
        ("metrics.loss<=-1e-3", "metrics", "loss", "<=", -1e-3),
        ("params.lr = '0.1'", "params", "lr", "=", "0.1"),
        ('tags."my tag" != "it\'s"', "tags", "my tag", "!=", "it's"),
        ("tags.`mlflow.source.name` LIKE '%train%'", "tags", "mlflow.source.name", "LIKE", "%train%"),
        ("tags.mlflow.runName ilike 'A%'", "tags", "mlflow.runName", "ILIKE", "A%"),
        ("attributes.status = 'FINISHED'", "attributes", "status", "=", "FINISHED"),
        ("run_id IN ('a', 'b')", "", "run_id", "IN", ("a", "b")),
        ("attribute.run_id not  in ('a')", "attribute", "run_id", "NOT IN", ("a",)),
        ("params.x IS NULL", "params", "x", "IS NULL", None),
        ("tags.a.b-c/d IS NOT NULL", "tags", "a.b-c/d", "IS NOT NULL", None),
        ("name = 'O''Hara'", "", "name", "=", "O'Hara"),
        ("start_time > 1700000000000", "", "start_time", ">", 1_700_000_000_000),
    ],
)
def test_one_comparison(text, entity, key, operator, value):
    assert parse_filter(text) == [Comparison(entity, key, operator, value)]


def test_comparisons_are_joined_by_and():
    found = parse_filter("metrics.a > 1 and params.b = 'x AND y' AND tags.c='d'")
    assert [comparison.key for comparison in found] == ["a", "b", "c"]
    assert found[1].value == "x AND y"


def test_an_empty_filter_narrows_nothing():
    assert parse_filter("") == parse_filter(None) == parse_filter("   ") == []


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("metrics.loss", 13),
        ("metrics.loss <", 15),
        ("metrics.loss < 1 OR metrics.loss > 2", 17),
        ("metrics.loss < 1 AND", 17),
        ("params.a IN 'x'", 12),
        ("params.a = x", 11),
        ("= 1", 1),
        ("metrics.loss < 1.2.3", 15),
    ],
)
def test_a_wrong_filter_names_the_character(text, character):
    with pytest.raises(Invalid, match=f"at character {character},"):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("metrics.loss", Order("metrics", "loss", True)),
        ("metrics.loss DESC", Order("metrics", "loss", False)),
        ("tags.`a b` asc", Order("tags", "a b", True)),
        ("start_time desc", Order("", "start_time", False)),
        ("attributes.`Run name` DESC", Order("attributes", "Run name", False)),
    ],
)
def test_an_order(text, order):
    assert parse_order(text) == order


@pytest.mark.parametrize("text", ["", "metrics.loss UP", "metrics.loss DESC DESC", "a b c"])
def test_a_wrong_order_is_refused(text):
    with pytest.raises(Invalid):
        parse_order(text)
