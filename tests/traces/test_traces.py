"""Traces over MLflow's protocol: described, found, tagged, linked, assessed and deleted."""

from tests.dialects.calls import new_run
from tests.traces.calls import OTEL_ID, TRACE, attributes, call, export, found, span, start

OTHER = "tr-" + "b" * 32


def test_a_trace_is_described_and_read(alice):
    start(alice, client_request_id="c", request_preview="in", response_preview="out", trace_metadata={"a": "b"})
    info = call(alice, "GET", f"/{TRACE}")["trace"]["trace_info"]
    assert info["client_request_id"] == "c" and info["trace_metadata"] == {"a": "b"}
    assert info["request_time"] == "2023-11-14T22:13:20.000Z" and info["state"] == "OK"
    assert "mlflow.trace.spansLocation" not in info["tags"]
    assert info["tags"]["mlflow.artifactLocation"].endswith(f"/traces/{TRACE}/artifacts")
    both = call(alice, "GET", "/batchGet", trace_ids=[TRACE, "tr-none"])["traces"]
    assert [trace["trace_info"]["trace_id"] for trace in both] == [TRACE]
    assert len(call(alice, "POST", "/batchGetInfos", trace_ids=[TRACE])["trace_infos"]) == 1
    for fields in ({"state": "GOOD"}, {"request_time": "now"}, {"execution_duration": "long"}):
        assert next(iter(fields)) in start(alice, status=400, **fields)["message"]


def test_the_search_language(alice):
    run = new_run(alice)
    start(alice, trace_metadata={"mlflow.sourceRun": run}, tags={"team": "blue", "mlflow.traceName": "ask"})
    held = attributes(model="gpt-4", size=3) + attributes(mlflow__spanType="LLM")
    export(alice, span(0), span(1, 0, attributes=held, name="call"))
    start(alice, OTHER, state="ERROR", execution_duration="0.100s", request_time="2023-11-14T22:13:21Z")
    call(alice, "POST", f"/{TRACE}/assessments", assessment={"assessment_name": "ok", "feedback": {"value": True}})
    call(alice, "POST", f"/{TRACE}/assessments", assessment={"assessment_name": "score", "feedback": {"value": 0.7}})
    for filter in (
        "status = 'OK'", "trace.status != 'ERROR'", "tags.team = 'blue'", "tag.team LIKE 'bl%'", "name = 'ask'",
        "name RLIKE '^a.k$'", f"run_id = '{run}'", f"metadata.`mlflow.sourceRun` = '{run}'", "execution_time_ms > 500",
        "span.name = 'call' AND span.type = 'LLM'", "span.attributes.model = 'gpt-4'", "span.attributes.`size` = '3'",
        "span.attributes.model LIKE '%gpt%'", "text LIKE '%gpt-4%'", "feedback.score > 0.5", "feedback.ok = 'true'",
        "feedback.score IS NOT NULL", "timestamp < 1700000000500", "tags.team IN ('red', 'blue')",
    ):  # fmt: skip
        assert found(alice, filter) == [TRACE], filter
    for filter in ("span.name = 'call' AND span.type = 'AGENT'", "span.attributes.model = 'gpt'", "text LIKE '%none%'"):
        assert found(alice, filter) == [], filter
    assert found(alice, "tags.team IS NULL AND feedback.ok IS NULL") == [OTHER]


def test_order_and_pages(alice):
    start(alice, execution_duration="2s")
    start(alice, OTHER, execution_duration="1s", request_time="2023-11-14T22:13:25Z")
    assert found(alice) == [OTHER, TRACE]
    assert found(alice, order_by=["timestamp_ms ASC"]) == [TRACE, OTHER]
    assert found(alice, order_by=["execution_time DESC"]) == [TRACE, OTHER]
    places = [{"mlflow_experiment": {"experiment_id": "0"}}]
    first = call(alice, "POST", "/search", locations=places, max_results=1)
    rest = call(alice, "POST", "/search", locations=places, max_results=1, page_token=first["next_page_token"])
    assert [first["traces"][0]["trace_id"], rest["traces"][0]["trace_id"]] == [OTHER, TRACE]
    assert "next_page_token" not in rest
    for fields in ({"filter": "color = 'x'"}, {"filter": "span.color = 'x'"}, {"order_by": ["color"]}):
        answer = call(alice, "POST", "/search", 400, locations=places, **fields)
        assert "color" in answer["message"] and answer["error_code"] == "INVALID_PARAMETER_VALUE"
    call(alice, "POST", "/search", 400, locations=places, filter="feedback.x > 'much'")


def test_tags_are_set_and_deleted(alice):
    start(alice)
    old = "/api/2.0/mlflow/traces"
    assert alice.patch(f"{old}/{TRACE}/tags", json={"key": "k", "value": "v"}).status_code == 200
    assert call(alice, "GET", f"/{TRACE}")["trace"]["trace_info"]["tags"]["k"] == "v"
    assert alice.request("DELETE", f"{old}/{TRACE}/tags", json={"key": "k"}).status_code == 200
    assert "'k'" in alice.request("DELETE", f"{old}/{TRACE}/tags", json={"key": "k"}).json()["message"]
    assert alice.patch(f"{old}/tr-none/tags", json={"key": "k", "value": "v"}).status_code == 404


def test_assessments_are_made_changed_overridden_and_deleted(alice):
    start(alice)
    path = f"/{TRACE}/assessments"
    source = {"source_type": "HUMAN", "source_id": "bob"}
    body = {"assessment_name": "good", "feedback": {"value": 1}, "source": source, "metadata": {"a": "b"}}
    made = call(alice, "POST", path, assessment=body)["assessment"]
    one = f"{path}/{made['assessment_id']}"
    change = {"feedback": {"value": {"x": [1]}}, "rationale": "why", "metadata": {"c": "d"}}
    call(alice, "PATCH", one, assessment=change, update_mask="feedback,rationale,metadata")
    read = call(alice, "GET", one)["assessment"]
    assert read["feedback"] == {"value": {"x": [1]}} and read["metadata"] == {"a": "b", "c": "d"}
    assert read["source"] == source and read["rationale"] == "why"
    over = call(alice, "POST", path, assessment=body | {"overrides": made["assessment_id"]})["assessment"]
    assert call(alice, "GET", one)["assessment"]["valid"] is False
    call(alice, "DELETE", f"{path}/{over['assessment_id']}")
    assert call(alice, "GET", one)["assessment"]["valid"] is True
    wanted = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[1]"}}
    made = call(alice, "POST", path, assessment={"assessment_name": "w", "expectation": wanted})["assessment"]
    assert made["expectation"]["serialized_value"]["value"] == "[1]"
    assert "kind feedback" in call(alice, "PATCH", one, 400, assessment={"expectation": {"value": 1}})["message"]
    call(alice, "POST", path, 400, assessment={"assessment_name": "x"})
    call(alice, "GET", f"{path}/a-none", 404)


def test_traces_are_linked_to_runs_and_prompts(alice):
    start(alice)
    run = new_run(alice)
    call(alice, "POST", "/link-to-run", trace_ids=[TRACE], run_id=run)
    call(alice, "POST", "/link-to-run", trace_ids=[TRACE], run_id=run)
    assert found(alice, f"run_id = '{run}'") == [TRACE]
    call(alice, "POST", "/link-to-run", 404, trace_ids=["tr-none"], run_id=run)
    call(alice, "POST", "/link-to-run", 400, trace_ids=[TRACE] * 101, run_id=run)
    call(alice, "POST", "/link-prompts", trace_id=TRACE, prompt_versions=[{"name": "greet", "version": "1"}])
    assert found(alice, "prompt = 'greet/1'") == [TRACE] and found(alice, "prompt = 'greet/2'") == []


def test_traces_are_deleted(alice, bob):
    for trace in (TRACE, OTHER):
        start(alice, trace)
    export(alice, span(0))
    delete = {"experiment_id": "0", "request_ids": [TRACE]}
    call(bob, "POST", "/delete-traces", 403, **delete)
    assert call(alice, "POST", "/delete-traces", **delete) == {"traces_deleted": 1}
    assert found(alice) == [OTHER]
    call(alice, "POST", "/delete-traces", 400, experiment_id="0")
    until = {"experiment_id": "0", "max_timestamp_millis": 1_800_000_000_000}
    assert call(alice, "POST", "/delete-traces", max_traces=1, **until) == {"traces_deleted": 1}
    assert found(alice) == []


def test_spans_kept_as_a_file(alice, bob):
    start(alice)
    path = f"/api/2.0/mlflow-artifacts/artifacts/1/traces/{TRACE}/artifacts/traces.json"
    assert bob.put(path, content=b"{}").status_code == 403
    assert alice.put(path, content=b'{"spans": []}').status_code == 200
    assert alice.get(path).json() == {"spans": []}
    missing = path.replace(OTEL_ID, "c" * 32)
    assert alice.put(missing, content=b"{}").status_code == 404


def test_the_calls_of_older_clients(alice):
    root = "/api/2.0/mlflow/traces"
    body = {"experiment_id": "0", "timestamp_ms": 1000, "tags": [{"key": "a", "value": "b"}]}
    made = alice.post(root, json=body).json()["trace_info"]
    ended = alice.patch(f"{root}/{made['request_id']}", json={"timestamp_ms": 1500, "status": "OK"}).json()
    assert ended["trace_info"]["execution_time_ms"] == 500 and ended["trace_info"]["status"] == "OK"
    listed = alice.get(root, params={"experiment_ids": ["0"]}).json()["traces"]
    assert [trace["request_id"] for trace in listed] == [made["request_id"]]
    assert alice.get(f"{root}/{made['request_id']}/info").json()["trace_info"]["timestamp_ms"] == 1000
