"""Charts of many traces, and the traces of a job."""

import pytest

from tests.dialects.calls import new_run
from tests.traces.calls import TRACE, call, export, span, start

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_requests_latency_and_tokens_over_time(alice):
    usage = '{"input_tokens": 1200, "output_tokens": 34, "total_tokens": 1234}'
    for number, state in enumerate(("OK", "OK", "ERROR")):
        start(
            alice, f"tr-{number}", state=state, execution_duration=f"{number + 1}s",
            request_time=f"2023-11-14T22:{10 + 20 * number}:00.000Z", trace_metadata={"mlflow.trace.tokenUsage": usage},
        )  # fmt: skip
    shown = alice.get("/traces/_charts").text
    assert shown.count("<svg") == 3
    for text in ("1 (33.3%)", "3,600", "p50", "2.98 s", "2023-11-14 22:50:00 UTC: errors 1", "1 min each"):
        assert text in shown, text
    narrowed = alice.get("/traces/_charts?status=OK").text
    assert "0 (0.0%)" in narrowed and "22:50:00" not in narrowed
    assert "<svg" not in alice.get("/traces/_charts?text=nothing").text
    start(alice, "tr-3")
    assert "<svg" in alice.get("/traces/_charts?text=tr-3").text


def test_the_traces_of_a_job(alice, stranger):
    run = new_run(alice)
    export(alice, span(0))
    start(alice, "tr-other", tags={"mlflow.traceName": "unlinked-trace"})
    assert (
        "No traces" in alice.get(f"/jobs/{run}/traces").text and "count" not in alice.get(f"/jobs/{run}/_traces").text
    )
    call(alice, "POST", "/link-to-run", trace_ids=[TRACE], run_id=run)
    tab = alice.get(f"/jobs/{run}/traces").text
    assert "span-0" in tab and "unlinked-trace" not in tab and "1–1 of 1 traces" in tab
    assert ">1<" in alice.get(f"/jobs/{run}/_traces").text
    assert f"/jobs/{run}" in alice.get(f"/traces/{TRACE}").text
    assert "span-0" in alice.get(f"/traces?run={run}").text
    assert alice.get("/jobs/none/traces").status_code == alice.get("/jobs/none/_traces").status_code == 404
