"""Pages and REST of traces."""

import json

import pytest

from tests.traces.calls import OTEL_ID, TRACE, attributes, call, export, span, start

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_an_empty_list_says_how_to_begin(alice):
    assert "@mlflow.trace" in alice.get("/traces").text


def test_the_list_is_narrowed_and_sorted(alice):
    start(alice, tags={"mlflow.traceName": "ask <b>"}, request_preview="what?", response_preview="that")
    export(alice, span(0, trace="b" * 32, name="other", status={"code": 2}))
    page = alice.get("/traces").text
    assert "ask &lt;b&gt;" in page and "other" in page and "what?" in page
    for query, there, gone in (
        ("text=what", "ask &lt;b&gt;", ">other<"),
        ("status=ERROR", ">other<", "ask &lt;b&gt;"),
        ("experiment=Default&sort=tokens", ">other<", "nothing"),
    ):
        narrowed = alice.get(f"/traces?{query}").text
        assert there in narrowed and gone not in narrowed, query
    assert "Nothing matches" in alice.get("/traces?time=1h").text
    for query in ("time=2h", "status=GOOD", "sort=color"):
        assert alice.get(f"/traces?{query}").status_code == 400


def test_a_trace_is_a_waterfall(alice):
    held = attributes(
        mlflow__spanInputs='{"q": "<i>"}', mlflow__spanType="LLM", mlflow__llm__model="gpt-4", size=3,
        mlflow__chat__tokenUsage='{"input_tokens": 1200, "output_tokens": 34, "total_tokens": 1234}',
    )  # fmt: skip
    event = {"name": "exception", "timeUnixNano": "1", "attributes": attributes(exception__message="boom")}
    export(
        alice, span(0), span(1, 0),
        span(5, 1, attributes=held, status={"code": 2, "message": "it broke"}, events=[event]),
    )  # fmt: skip
    page = alice.get(f"/traces/{TRACE}").text
    assert page.count('class="trace-row"') == 3 and "span-5" in page
    assert 'x="333.33" width="666.67"' in page
    chosen = alice.get(f"/traces/{TRACE}?span={6:016x}").text
    for shown in ("&lt;i&gt;", "gpt-4", "1,234 (1,200 in, 34 out)", "it broke", "boom", "10 s", "size"):
        assert shown in chosen, shown
    assert alice.get(f"/traces/{TRACE}?span=none").status_code == 404
    assert alice.get("/traces/tr-none").status_code == 404


def test_assessments_tags_and_runs_are_shown(alice):
    start(alice, tags={"team": "blue"}, trace_metadata={"mlflow.user": "ada"})
    body = {"assessment_name": "good", "feedback": {"value": 0.5}, "rationale": "well said"}
    call(alice, "POST", f"/{TRACE}/assessments", assessment=body)
    page = alice.get(f"/traces/{TRACE}").text
    assert "well said" in page and "blue" in page and "ada" in page and "No spans" in page


def test_spans_that_a_client_kept_as_a_file_are_shown(alice):
    start(alice)
    root = {"span_id": "AAAAAAAAAAE=", "name": "kept", "start_time_unix_nano": 0, "end_time_unix_nano": 5_000_000}
    root["attributes"] = {"mlflow.spanInputs": '{"a": "input"}', "mlflow.spanType": '"CHAIN"'}
    old = {"context": {"span_id": "0x2"}, "parent_id": "0x1", "name": "old", "start_time": 1, "end_time": 2}
    path = f"/api/2.0/mlflow-artifacts/artifacts/1/traces/{TRACE}/artifacts/traces.json"
    assert alice.put(path, content=json.dumps({"spans": [root, old, "x"]})).status_code == 200
    page = alice.get(f"/traces/{TRACE}").text
    assert "kept" in page and "old" in page and "CHAIN" in page and "input" in page and "5 ms" in page


def test_rest(alice, bob):
    export(alice, span(0), span(1, 0))
    start(alice, tags={"team": "blue"})
    listed = bob.get("/api/traces", params={"text": "span-0", "since_ms": 1}).json()
    assert listed["total"] == 1 and listed["value"][0]["id"] == TRACE and listed["value"][0]["tags"] == {"team": "blue"}
    whole = bob.get(f"/api/traces/{TRACE}").json()
    assert [held["parent_id"] for held in whole["content"]] == [None, f"{1:016x}"]
    assert bob.delete(f"/api/traces/{TRACE}").status_code == 403
    assert alice.delete(f"/api/traces/{TRACE}").status_code == 204
    assert alice.get(f"/api/traces/{TRACE}").status_code == 404


def test_traces_are_deleted_from_the_page(browser):
    export(browser, span(0))
    assert browser.post("/traces/delete", data={"names": [f"tr-{OTEL_ID}"]}).status_code == 303
    assert browser.get("/api/traces").json()["total"] == 0
    records = browser.get("/api/audit", params={"action": "tracking/traces/delete"}).json()
    assert records["value"][0]["target_name"] == TRACE
