"""Spans as exporters send them, and what the trace says of itself because of them."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

from app.dialects.mlflow import traces
from tests.traces.calls import OTEL_ID, SECOND, TRACE, attributes, call, export, span, start


def whole(client, **fields) -> dict:
    return call(client, "GET", "/get", trace_id=TRACE, **fields)["trace"]


def test_a_trace_follows_from_its_spans(alice):
    export(alice, span(1, 0, attributes=attributes(gen_ai__usage__input_tokens=3, gen_ai__usage__output_tokens=4)))
    unfinished = call(alice, "GET", f"/{TRACE}")["trace"]["trace_info"]
    assert unfinished["state"] == "IN_PROGRESS" and unfinished["request_time"] == "2023-11-14T22:13:21.000Z"
    export(alice, span(0, attributes=attributes(mlflow__spanInputs='{"q": 1}', mlflow__traceTag__team="blue")))
    info = whole(alice)["trace_info"]
    assert info["state"] == "OK" and info["execution_duration"] == "11.000s"
    assert info["request_time"] == "2023-11-14T22:13:20.000Z" and info["request_preview"] == '{"q": 1}'
    assert info["tags"]["mlflow.traceName"] == "span-0" and info["tags"]["team"] == "blue"
    assert info["tags"]["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    usage = json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert usage == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def test_tokens_below_a_span_that_counts_them_are_not_counted_again(alice):
    rolled = attributes(gen_ai__usage__input_tokens=10, gen_ai__usage__output_tokens=5)
    leaf = attributes(gen_ai__usage__input_tokens=10, gen_ai__usage__output_tokens=5)
    export(alice, span(2, 1, attributes=leaf))
    export(alice, span(0, attributes=rolled), span(1, 0))
    usage = json.loads(whole(alice)["trace_info"]["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert usage["total_tokens"] == 15


def test_spans_come_back_as_they_were(alice):
    nested = {"kvlistValue": {"values": [{"key": "n", "value": {"arrayValue": {"values": [{"intValue": "9"}, {}]}}}]}}
    held = [
        {"key": "deep", "value": nested},
        {"key": "nan", "value": {"doubleValue": "NaN"}},
        {"key": "nul", "value": {"stringValue": "a\x00b \ud800 ü"}},
        {"key": "yes", "value": {"boolValue": True}},
    ]
    event = {"name": "exception", "timeUnixNano": str(SECOND), "attributes": attributes(message="no")}
    link = {"traceId": "f" * 32, "spanId": "e" * 16}
    export(alice, span(0, attributes=held, events=[event], links=[link], kind="SPAN_KIND_CLIENT", status={"code": 2}))
    stored = whole(alice)["spans"][0]
    values = {item["key"]: item["value"] for item in stored["attributes"]}
    assert values["deep"]["kvlist_value"]["values"][0]["value"]["array_value"]["values"] == [{"int_value": "9"}, {}]
    assert values["nan"] == {"double_value": "NaN"} and values["yes"] == {"bool_value": True}
    assert values["nul"]["string_value"].startswith("a\x00b") and values["nul"]["string_value"].endswith(" ü")
    assert stored["events"][0]["time_unix_nano"] == str(SECOND) and stored["kind"] == 3
    assert stored["links"][0]["span_id"] and stored["status"]["code"] == 2
    assert whole(alice)["trace_info"]["state"] == "ERROR"


def test_a_span_that_is_sent_twice_is_one(alice):
    export(alice, span(0), span(0, name="again"))
    export(alice, span(0, name="at last"))
    spans = whole(alice)["spans"]
    assert [stored["name"] for stored in spans] == ["at last"]


def test_what_the_client_says_of_a_trace_stands_over_its_spans(alice, monkeypatch):
    monkeypatch.setattr(traces, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(traces, "LOOK_SECONDS", 0.01)
    start(alice, tags={"mlflow.traceName": "named"}, trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 2}'})
    export(alice, span(0, status={"code": 2}))
    info = call(alice, "GET", f"/{TRACE}")["trace"]["trace_info"]
    assert info["state"] == "OK" and info["execution_duration"] == "1.500s"
    assert info["tags"]["mlflow.traceName"] == "named"
    assert "not fully exported" in call(alice, "GET", "/get", 404, trace_id=TRACE)["message"]
    assert len(whole(alice, allow_partial="true")["spans"]) == 1


def test_spans_that_are_on_their_way_are_waited_for(alice, monkeypatch):
    monkeypatch.setattr(traces, "PATIENCE_SECONDS", 60)
    monkeypatch.setattr(traces, "LOOK_SECONDS", 0.05)
    start(alice, trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 1}'})
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(whole, alice)
        export(alice, span(0))
        assert len(waiting.result()["spans"]) == 1


def test_protobuf_packed_or_not(alice):
    # Field by field: trace_id, span_id, name, start, end.
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    times = bytes([7 << 3 | 1]) + (5 * SECOND).to_bytes(8, "little") + bytes([8 << 3 | 1])
    times += (6 * SECOND).to_bytes(8, "little")
    attribute = field(1, b"n") + field(2, bytes([3 << 3]) + b"\xff" * 9 + b"\x01")
    sent = field(1, bytes.fromhex(OTEL_ID)) + field(2, b"12345678") + field(5, b"packed") + times + field(9, attribute)
    body = field(1, field(2, field(2, sent)))
    headers = {"content-type": "application/x-protobuf"}
    assert alice.post("/v1/traces", content=body, headers=headers).content == b""
    stored = whole(alice)["spans"][0]
    assert stored["name"] == "packed" and stored["attributes"] == [{"key": "n", "value": {"int_value": "-1"}}]
    packed = headers | {"content-encoding": "gzip"}
    assert alice.post("/v1/traces", content=gzip.compress(body), headers=packed).status_code == 200
    for wrong in (body[:-3], b"\x0f\x00", b"\xff" * 20):
        answer = alice.post("/v1/traces", content=wrong, headers=headers)
        assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert alice.post("/v1/traces", content=body, headers=packed).status_code == 400


def test_bad_spans_are_named(alice):
    assert "spans[0].traceId" in export(alice, span(0, traceId="xyz"), status=400).json()["message"]
    assert "spans[1].spanId" in export(alice, span(0), span(1, spanId="0" * 16), status=400).json()["message"]
    assert export(alice, span(0), status=404, experiment="987").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    export(alice, span(0, startTimeUnixNano="soon"), status=400)
    call(alice, "GET", f"/{TRACE}", 404)


def test_spans_of_others_do_not_mix(alice, bob, stranger, anonymous):
    export(alice, span(0))
    export(bob, span(0), status=403)
    export(anonymous, span(0), status=401)
    there = stranger.post("/w/other/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [span(0)]}]}]})
    assert there.status_code == 200
    assert stranger.get(f"/w/other/api/3.0/mlflow/traces/{TRACE}").status_code == 200
    alice.post("/api/2.0/mlflow/traces/delete-traces", json={"experiment_id": "0", "request_ids": [TRACE]})
    assert stranger.get(f"/w/other/api/3.0/mlflow/traces/{TRACE}").status_code == 200
