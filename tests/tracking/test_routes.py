"""What a run logged, over REST."""

from tests.dialects.calls import call, log, new_run


def test_metrics_and_their_history_for_a_chart(alice):
    run = new_run(alice)
    for step in range(5):
        log(alice, run, "loss", step if step != 3 else "NaN", step=step, timestamp=100 + step)
    assert alice.get(f"/api/jobs/{run}/metrics").json()["value"] == [
        {"key": "loss", "value": 4.0, "step": 4, "timestamp": 104}
    ]
    whole = alice.get(f"/api/jobs/{run}/metrics/history", params={"key": "loss"}).json()
    assert whole["series"][0]["points"] == [[0, 100, 0], [1, 101, 1], [2, 102, 2], [3, 103, None], [4, 104, 4]]
    assert whole["final"] is False
    log(alice, run, "loss", 9, step=9, timestamp=109)
    call(alice, "POST", "runs/update", run_id=run, status="FINISHED")
    more = alice.get(f"/api/jobs/{run}/metrics/history", params={"key": "loss", "after": whole["next"]}).json()
    assert more["series"] == [{"run": run, "key": "loss", "points": [[9, 109, 9.0]]}] and more["final"] is True
    assert alice.get(f"/api/jobs/{run}/metrics/history").status_code == 400


def test_runs_are_overlaid(alice):
    one, two = new_run(alice), new_run(alice)
    for run in (one, two):
        log(alice, run, "loss", 1)
    found = alice.get(f"/api/jobs/{one}/metrics/history", params={"key": "loss", "run": two}).json()["series"]
    assert [series["run"] for series in found] == [one, two]


def test_artifacts_are_shown_so_that_nothing_in_them_runs_as_ours(alice):
    run = new_run(alice)
    uri = call(alice, "GET", "runs/get", run_id=run)["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    page = b"<script>alert(1)</script>"
    alice.put(f"/api/2.0/mlflow-artifacts/artifacts/{uri}/a/p.html", content=page)
    listed = alice.get(f"/api/jobs/{run}/artifacts", params={"path": "a"}).json()["value"]
    assert listed == [{"path": "a/p.html", "is_dir": False, "size": len(page)}]
    answer = alice.get(f"/api/jobs/{run}/artifacts/content", params={"path": "a/p.html"})
    assert answer.content == page and answer.headers["content-security-policy"].startswith("sandbox;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    part = alice.get(f"/api/jobs/{run}/artifacts/content", params={"path": "a/p.html"}, headers={"Range": "bytes=1-6"})
    assert (part.status_code, part.content) == (206, b"script")
    saved = alice.get(f"/api/jobs/{run}/artifacts/content", params={"path": "a/p.html", "download": True})
    assert saved.headers["content-disposition"].startswith("attachment")
    missing = alice.get(f"/api/jobs/{run}/artifacts", params={"root": "output:model"})
    assert missing.status_code == 404 and "it has artifacts" in missing.text
    for path in ("none", "../../x"):
        assert alice.get(f"/api/jobs/{run}/artifacts/content", params={"path": path}).status_code in (400, 404)


def test_params_are_listed(alice):
    run = new_run(alice)
    call(alice, "POST", "runs/log-parameter", run_id=run, key="lr", value="0.1")
    assert alice.get(f"/api/jobs/{run}/params").json()["value"] == [{"key": "lr", "value": "0.1"}]
