"""Experiments lie in folders, and are deleted, restored and deleted for good with their runs."""

from html import unescape

from app.jobs import discarding
from app.kit.storage import store
from tests.dialects.calls import call
from tests.runs.test_runs import counts, ended, experiment, info, put, whole


def made(client, name: str, folder: str = "", **fields) -> str:
    answer = client.post("/api/experiments", json={"name": name, "folder": folder, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def page(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def listed(client, **query) -> list[str]:
    return [found["name"] for found in client.get("/api/experiments", params={"sort": "name"} | query).json()["value"]]


def test_folders_hold_experiments_and_change_no_name(carol, bob):
    one, two = made(carol, "yolo", "vision/detectors"), made(carol, "resnet", "vision")
    assert call(carol, "GET", "experiments/get", experiment_id=one)["experiment"]["name"] == "yolo"
    assert listed(bob, folder="vision") == ["resnet", "yolo"]
    assert listed(bob, folder="vision", everywhere=False) == ["resnet"]
    assert listed(bob, everywhere=False) == ["Default"]
    text = page(bob, "/experiments?folder=vision")
    assert "resnet" in text and ">yolo<" not in text and "detectors" in text and "new-folder" not in text
    moved = carol.post("/api/experiment-folders/move", json={"folder": "vision", "path": "seeing/well"})
    assert moved.json()["path"] == "seeing/well"
    assert carol.get(f"/api/experiments/{one}").json()["folder"] == "seeing/well/detectors"
    carol.patch(f"/api/experiments/{two}", json={"folder": "", "description": "the *old* one"})
    assert call(carol, "GET", "experiments/get", experiment_id=two)["experiment"]["tags"][0]["value"] == "the *old* one"
    assert carol.delete("/api/experiment-folders?path=seeing/well").status_code == 204
    assert listed(bob, folder="seeing", everywhere=False) == ["yolo"]
    assert listed(bob, text="RES") == ["resnet"]


def test_what_is_no_folder_is_said(carol):
    made(carol, "x", "a/b")
    for path, body, status, word in (
        ("experiment-folders", {"path": "a//b"}, 400, "no path"),
        ("experiment-folders", {"path": "a/b"}, 409, "already"),
        ("experiment-folders/move", {"folder": "a", "path": "a/b/c"}, 400, "within"),
        ("experiment-folders/move", {"folder": "none", "path": "b"}, 404, "'none'"),
    ):
        answer = carol.post(f"/api/{path}", json=body)
        assert answer.status_code == status and word in answer.json()["detail"], answer.text


def test_an_experiment_takes_its_runs_along_when_it_is_deleted_and_back(carol, bob):
    id = experiment(carol, "short-lived")
    run = call(carol, "POST", "runs/create", experiment_id=id)["run"]["info"]["run_id"]
    told = carol.get(f"/api/experiments/{id}").json()
    assert told["runs"] == 1 and told["last_run"]
    call(carol, "POST", "experiments/delete", experiment_id=id)
    assert info(carol, run)["lifecycle_stage"] == "deleted"
    assert "short-lived" in page(bob, "/experiments?deleted=true")
    answer = carol.post("/jobs/bulk/restore", data={"names": [run]})
    assert answer.status_code == 400 and "Restore that first" in unescape(answer.text)
    assert carol.post("/experiments/restore", data={"ids": [id]}).status_code == 303
    assert info(carol, run)["lifecycle_stage"] == "active"


def test_an_experiment_deleted_for_good_leaves_what_was_moved_out_of_it(carol, bob):
    before = counts()
    id = made(carol, "doomed")
    run = whole(carol)
    for name in ("doomed", "Default"):
        assert carol.post(f"/api/jobs/{ended(carol, run)}/move", json={"experiment": name}).status_code == 200
    away = call(carol, "POST", "runs/create", experiment_id=id)["run"]["info"]["run_id"]
    put(carol, away, "kept.txt", "kept")
    assert carol.post(f"/api/jobs/{away}/move", json={"experiment": "Default"}).status_code == 200
    gone = ended(carol, call(carol, "POST", "runs/create", experiment_id=id)["run"]["info"]["run_id"])
    put(carol, gone, "gone.txt", "gone")
    assert carol.delete(f"/api/experiments/{id}").status_code == 400
    assert carol.post(f"/api/experiments/{id}/delete").status_code == 200
    assert bob.delete(f"/api/experiments/{id}").status_code == 403
    assert carol.delete(f"/api/experiments/{id}").status_code == 200
    discarding.delete_discarded()
    assert [entry.path for entry in store().walk(f"workspaces/1/tracking/{id}")] == [f"{away}/artifacts/kept.txt"]
    assert made(carol, "doomed") != id
    for job in (run, ended(carol, away)):
        carol.delete(f"/api/jobs/{job}")
    discarding.delete_discarded()
    assert not list(store().walk(f"workspaces/1/tracking/{id}"))
    after = counts()
    # The experiment of the same name, the row that keeps the id of the old one from use, and the Default's dataset.
    after["experiments"] -= 2
    after["datasets"] -= 1
    assert after == before


def test_dialogs_say_what_goes(carol, bob):
    run = whole(carol)
    text = page(carol, f"/jobs/bulk/_dialog/remove?names={run}&back=sort%3Dname")
    assert "1 metric series" in text and "1 trace" in text and "1 logged model" in text and "1 file of 5 B" in text
    for action in ("move", "copy", "tag", "untag", "rename", "delete"):
        assert f"/jobs/bulk/{action}" in page(carol, f"/jobs/bulk/_dialog/{action}?all=true&back=type%3Drun")
    answer = carol.post(
        "/jobs/bulk/tag",
        data={"names": [run], "key": "team", "value": "a", "back": "sort=name"},
        headers={"HX-Request": "true"},
    )
    assert answer.headers["hx-redirect"] == "/w/default/jobs?sort=name"
    assert bob.post("/jobs/bulk/remove", data={"names": [run]}).status_code == 403
    assert carol.post("/jobs/bulk/delete", data={"all": "true", "back": "type=run"}).status_code == 303
    assert run in page(bob, "/jobs?deleted=true")
