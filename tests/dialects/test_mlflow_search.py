"""The search of runs and its language, on a handful of runs that differ in everything."""

import pytest

from tests.dialects.calls import call, log, new_run, search


@pytest.fixture
def runs(alice):
    """r0 … r3: `loss` is 0, 1, 2, NaN; `lr` and the tag `team` alternate; r3 is finished."""
    for number in range(4):
        run = new_run(
            alice,
            run_name=f"r{number}",
            start_time=1_000_000 + number,
            tags=[{"key": "team", "value": "ab"[number % 2]}],
        )
        log(alice, run, "loss", number if number < 3 else "NaN")
        call(alice, "POST", "runs/log-parameter", run_id=run, key="lr", value=f"0.{number % 2}")
        if number == 3:
            call(alice, "POST", "runs/log-parameter", run_id=run, key="only", value="Here")
            call(alice, "POST", "runs/update", run_id=run, status="FINISHED")
            dataset = {"name": "digits", "digest": "d1", "source_type": "local", "source": "s"}
            tags = [{"key": "mlflow.data.context", "value": "training"}]
            call(alice, "POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": tags}])
    return alice


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("", ["r3", "r2", "r1", "r0"]),
        ("metrics.loss >= 1", ["r2", "r1"]),
        ("metrics.loss != 1", ["r2", "r0"]),
        ("metrics.none > 0", []),
        ("params.lr = '0.1' AND metrics.loss < 5", ["r1"]),
        ("params.only LIKE 'H%'", ["r3"]),
        ("params.only LIKE 'h%'", []),
        ("params.only ILIKE 'h_re'", ["r3"]),
        ("params.only IS NULL", ["r2", "r1", "r0"]),
        ("tags.team != 'a'", ["r3", "r1"]),
        ("tags.team IS NOT NULL", ["r3", "r2", "r1", "r0"]),
        ("attributes.status = 'FINISHED'", ["r3"]),
        ("attributes.status != 'FINISHED'", ["r2", "r1", "r0"]),
        ("status IN ('RUNNING', 'FAILED')", ["r2", "r1", "r0"]),
        ("run_name IN ('r1', 'r2')", ["r2", "r1"]),
        ("attributes.`Run name` = 'r0'", ["r0"]),
        ("start_time > 1000001", ["r3", "r2"]),
        ("end_time > 0", ["r3"]),
        ("datasets.name = 'digits' AND dataset.context = 'training'", ["r3"]),
        ("dataset.digest = 'none'", []),
        ("artifact_uri LIKE 'mlflow-artifacts:/%'", ["r3", "r2", "r1", "r0"]),
    ],
)
def test_a_filter_finds(runs, filter, names):
    assert search(runs, filter) == names


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (["metrics.loss ASC"], ["r0", "r1", "r2", "r3"]),
        (["metrics.loss DESC"], ["r2", "r1", "r0", "r3"]),
        (["params.lr DESC", "metrics.loss DESC"], ["r1", "r3", "r2", "r0"]),
        (["params.only"], ["r3", "r2", "r1", "r0"]),
        (["tags.team", "start_time DESC"], ["r2", "r0", "r3", "r1"]),
        (["attributes.run_name"], ["r0", "r1", "r2", "r3"]),
        (["end_time DESC"], ["r3", "r2", "r1", "r0"]),
    ],
)
def test_an_order_puts_what_is_missing_last(runs, order, names):
    assert search(runs, order_by=order) == names


def test_pages_follow_each_other_without_gap(runs):
    first = call(runs, "POST", "runs/search", experiment_ids=["0"], max_results=3, order_by=["metrics.loss"])
    second = call(
        runs,
        "POST",
        "runs/search",
        experiment_ids=["0"],
        max_results=3,
        order_by=["metrics.loss"],
        page_token=first["next_page_token"],
    )
    names = [run["info"]["run_name"] for page in (first, second) for run in page["runs"]]
    assert names == ["r0", "r1", "r2", "r3"] and "next_page_token" not in second


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"filter": "metrics.loss > 'a'"}, "numeric"),
        ({"filter": "params.lr > '1'"}, "comparator"),
        ({"filter": "params.lr = 1"}, "quotes"),
        ({"filter": "colour.x = 'a'"}, "colour"),
        ({"filter": "attributes.colour = 'a'"}, "colour"),
        ({"filter": "metrics.loss > 1 OR metrics.loss < 0"}, "character 17"),
        ({"order_by": ["colour.x"]}, "colour"),
        ({"order_by": ["metrics.loss SIDEWAYS"]}, "SIDEWAYS"),
        ({"max_results": 0}, "max_results"),
        ({"max_results": 50_001}, "50000"),
        ({"page_token": "zz"}, "page_token"),
        ({"run_view_type": "SOME"}, "run_view_type"),
    ],
)
def test_a_wrong_search_is_refused_with_what_is_wrong(runs, fields, said):
    answer = call(runs, "POST", "runs/search", 400, experiment_ids=["0"], **fields)
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE" and said in answer["message"]
