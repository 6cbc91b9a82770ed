"""Numbers over many traces, as MLflow's client asks for them."""

import pytest

from tests.traces.calls import TRACE, attributes, call, export, span, start

T0 = 1_700_000_000_000
USAGE = '{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cache_read_input_tokens": 4}'


@pytest.fixture
def filled(alice):
    """Three traces of three minutes: two answers, one error."""
    for number, (name, state, lasted) in enumerate((("ask", "OK", 1), ("ask", "OK", 3), ("tell", "ERROR", 8))):
        start(
            alice, f"tr-{number}", state=state, execution_duration=f"{lasted}s",
            request_time=f"2023-11-14T22:{13 + number}:20.000Z",
            tags={"mlflow.traceName": name, "team": "blue" if number else "red"},
            trace_metadata={"mlflow.trace.session": f"s{number // 2}", "mlflow.trace.tokenUsage": USAGE},
        )  # fmt: skip
    model = attributes(mlflow__llm__model="m1", mlflow__llm__provider="p1", mlflow__llm__cost='{"total_cost": 0.25}')
    start(alice, TRACE, request_time="2023-11-14T22:13:20.000Z")
    export(alice, span(0), span(1, 0, attributes=model), span(2, 0, attributes=model, status={"code": 2}))
    for value in (True, "yes", "no", 3, "blue"):
        body = {"assessment_name": "good", "feedback": {"value": value}}
        call(alice, "POST", "/tr-0/assessments", assessment=body)
    return alice


def metrics(client, view: str, metric: str, *types: str | float, status: int = 200, **fields) -> list | dict:
    """The points as (dimensions..., values...); a number among the types is a percentile."""
    asked = [
        {"aggregation_type": kind} if isinstance(kind, str) else
        {"aggregation_type": "PERCENTILE", "percentile_value": kind} for kind in types
    ]  # fmt: skip
    fields = {"experiment_ids": ["0"], "view_type": view, "metric_name": metric, "aggregations": asked} | fields
    answer = call(client, "POST", "/metrics", status, **fields)
    if status != 200:
        return answer
    return [(*one["dimensions"].values(), *one["values"].values()) for one in answer.get("data_points", [])]


def test_traces_spans_and_assessments_are_counted(filled):
    assert metrics(filled, "TRACES", "trace_count", "COUNT") == [(4,)]
    named = metrics(filled, "TRACES", "trace_count", "COUNT", dimensions=["trace_name", "trace_status"])
    assert named == [("ask", "OK", 2), ("span-0", "OK", 1), ("tell", "ERROR", 1)]
    assert metrics(filled, "TRACES", "session_count", "COUNT") == [(2,)]
    latency = metrics(filled, "TRACES", "latency", "AVG", "MIN", "MAX", 50, 90.5, filters=["trace.tag.team = 'blue'"])
    assert latency == [(5500, 3000, 8000, 5500, pytest.approx(7525))]
    assert metrics(filled, "TRACES", "total_tokens", "SUM") == [(45,)]
    assert metrics(filled, "TRACES", "cache_read_input_tokens", "SUM", dimensions=["trace_name"])[0] == ("ask", 8)
    assert metrics(filled, "SPANS", "span_count", "COUNT", dimensions=["span_status"]) == [("ERROR", 1), ("OK", 2)]
    by_model = metrics(filled, "SPANS", "total_cost", "SUM", dimensions=["span_model_name", "span_model_provider"])
    assert by_model == [("m1", "p1", 0.5)]
    assert metrics(filled, "SPANS", "latency", 50, filters=["span.name = 'span-1'"]) == [(10_000,)]
    assert metrics(filled, "ASSESSMENTS", "assessment_value", "AVG", filters=["assessment.name = 'good'"]) == [(1.25,)]
    counted = metrics(filled, "ASSESSMENTS", "assessment_count", "COUNT", dimensions=["assessment_value"])
    assert sorted(counted) == [('"blue"', 1), ('"no"', 1), ('"yes"', 1), ("3", 1), ("true", 1)]


def test_points_over_time_come_in_pages(filled):
    times = {"time_interval_seconds": 60, "start_time_ms": T0, "end_time_ms": T0 + 100_000}
    points = metrics(filled, "TRACES", "trace_count", "COUNT", filters=["trace.status = 'OK'"], **times)
    assert points == [("2023-11-14T22:13:00+00:00", 2), ("2023-11-14T22:14:00+00:00", 1)]
    body = {"experiment_ids": ["0"], "view_type": "TRACES", "metric_name": "trace_count", "max_results": 1, **times}
    body["aggregations"] = [{"aggregation_type": "COUNT"}]
    first = call(filled, "POST", "/metrics", **body)
    rest = call(filled, "POST", "/metrics", page_token=first["next_page_token"], **body)
    assert rest["data_points"][0]["dimensions"] == {"time_bucket": "2023-11-14T22:14:00+00:00"}
    assert "next_page_token" not in rest


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_wrong_is_named(filled):
    for fields, named in (
        ({"metric_name": "speed"}, "'speed'"), ({"view_type": "DAYS"}, "DAYS"), ({"experiment_ids": []}, "experiment"),
        ({"aggregations": [{"aggregation_type": "SUM"}]}, "Supported aggregation types: COUNT"),
        ({"aggregations": [{"aggregation_type": "PERCENTILE"}]}, "percentile_value"),
        ({"dimensions": ["span_name"]}, "trace_name"), ({"time_interval_seconds": 60}, "start_time_ms"),
        ({"filters": ["trace.status > 'OK'"]}, "'='"), ({"filters": ["span.name = 'x'"]}, "view SPANS"),
        ({"filters": ["trace.status = 'OK' AND trace.status = 'OK'"]}, "one filter"),
        ({"max_results": 0}, "max_results"),
    ):  # fmt: skip
        answer = metrics(filled, "TRACES", "trace_count", "COUNT", status=400, **fields)
        assert named in answer["message"] and answer["error_code"] == "INVALID_PARAMETER_VALUE", fields


def test_filters_go_together(filled):
    def correlation(first: str, second: str, **fields):
        path, fields = "/calculate-filter-correlation", {"experiment_ids": ["0"], **fields}
        return call(filled, "POST", path, filter_string1=first, filter_string2=second, **fields)

    found = correlation("status = 'ERROR'", "name = 'tell'")
    assert found["npmi"] == pytest.approx(1) and found["npmi_smoothed"] == pytest.approx(0.5714, abs=0.2)
    assert (found["filter1_count"], found["joint_count"], found["total_count"]) == (1, 1, 4)
    assert correlation("status = 'ERROR'", "name = 'ask'")["npmi"] == -1
    assert correlation("status = 'ERROR'", "name = 'none'")["npmi"] == "NaN"
    assert correlation("status = 'OK'", "name = 'ask'", base_filter="tags.team = 'blue'")["total_count"] == 2
