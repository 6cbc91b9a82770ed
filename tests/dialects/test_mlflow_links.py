"""Links by which a file is fetched or sent without a token."""

from datetime import timedelta

import pytest

from app.kit.clock import now
from tests.dialects.calls import ROOT, call, new_run

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
UP, DOWN = "artifacts/presigned-upload-url", "artifacts/presigned-download-url"


def test_a_file_is_sent_and_fetched_by_links(alice, anonymous):
    run = new_run(alice)
    up = call(alice, "POST", UP, run_id=run, path="models/ä b.bin")["presigned_url"]
    assert anonymous.put(up, content=b"0123456789").status_code == 200
    made = call(alice, "POST", DOWN, run_id=run, path="models/ä b.bin", expiration=60)
    answer = anonymous.get(made["presigned_url"], headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content, made["file_size"]) == (206, b"234", 10)
    proxied = alice.get(f"{ROOT}-artifacts/presigned/1/{run}/artifacts/models/ä b.bin").json()
    assert anonymous.get(proxied["url"]).content == b"0123456789" and proxied["file_size"] == 10
    model = call(alice, "POST", "logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    link = call(alice, "POST", UP, model_id=model, path="MLmodel")["presigned_url"]
    assert anonymous.put(link, content=b"flavors: {}").status_code == 200
    listed = call(alice, "GET", f"logged-models/{model}/artifacts/directories")["files"]
    assert [file["path"] for file in listed] == ["MLmodel"]


def test_a_link_is_for_one_thing_and_a_short_time(alice, anonymous, monkeypatch):
    run = new_run(alice)
    link = call(alice, "POST", UP, run_id=run, path="a")["presigned_url"]
    assert anonymous.get(link).status_code == 401 and anonymous.put(link + "b", content=b"x").status_code == 401
    assert anonymous.put(link, content=b"x").status_code == 200
    monkeypatch.setattr("app.dialects.mlflow.links.now", lambda: now() + timedelta(minutes=16))
    assert anonymous.put(link, content=b"y").json()["error_code"] == "UNAUTHENTICATED"


def test_what_gets_no_link(alice, bob, stranger):
    run = new_run(alice)
    for path, status, fields in (
        (UP, 400, {"path": "a"}), (UP, 400, {"path": "a", "run_id": run, "model_id": "m"}),
        (UP, 400, {"path": "../a", "run_id": run}), (UP, 400, {"path": ".", "run_id": run}),
        (UP, 400, {"path": "a", "run_id": run, "expiration": 604801}), (UP, 404, {"path": "a", "run_id": "none"}),
        (DOWN, 404, {"path": "a", "run_id": run}), (DOWN, 400, {"run_id": run}),
    ):  # fmt: skip
        call(alice, "POST", path, status, **fields)
    call(bob, "POST", UP, 403, path="a", run_id=run)
    call(stranger, "POST", DOWN, 404, path="a", run_id=run)
    experiment = call(alice, "POST", "experiments/create", name="far", artifact_location="s3://bucket/x")
    far = call(alice, "POST", "runs/create", **experiment)["run"]["info"]["run_id"]
    assert call(alice, "POST", UP, 501, path="a", run_id=far)["error_code"] == "NOT_IMPLEMENTED"
