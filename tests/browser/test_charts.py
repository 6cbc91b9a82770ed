"""Charts of a run that is logged while its page is open."""

from playwright.sync_api import expect


def test_charts_grow_and_come_while_a_run_is_logged(server, elsewhere, page):
    def call(path: str, **fields) -> dict:
        answer = server.client.post(f"{elsewhere}/api/2.0/mlflow/runs/{path}", json=fields)
        answer.raise_for_status()
        return answer.json()

    def log(key: str, value: float, step: int) -> None:
        call("log-metric", run_id=run, key=key, value=value, step=step, timestamp=1_700_000_000_000 + step)

    run = call("create", experiment_id="0", run_name="watched")["run"]["info"]["run_id"]
    log("loss", 8, 0)
    page.goto(f"{elsewhere}/jobs/{run}/metrics")
    charts = page.locator("metric-chart")
    value = charts.first.locator(".chart-key strong")
    expect(value).to_have_text("8")
    page.evaluate("window.kept = true")
    for step in (1, 2, 3):
        log("loss", 8 / 2**step, step)
        expect(value).to_have_text(str(8 // 2**step))
    log("accuracy", 0.5, 3)
    expect(charts).to_have_count(2)
    assert page.evaluate("document.querySelector('metric-chart[label=loss]').series[0].points.length") == 4
    page.locator("metric-chart[label=loss] .u-over").hover(position={"x": 5, "y": 40})
    expect(page.locator("metric-chart[label=loss] .chart-where")).to_have_text("step 0")
    page.get_by_label("Horizontal axis").select_option("wall")
    page.get_by_label("Log axis").check()
    assert page.evaluate("window.kept") and "axis=wall" in page.url and "log=true" in page.url
    call("update", run_id=run, status="FINISHED")
