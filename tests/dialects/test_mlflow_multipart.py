"""Artifacts that MLflow's client sends in parts, and links of a cloud store that are not offered."""

from urllib.parse import urlsplit

from app.kit.storage import store
from app.tracking import multipart
from tests.dialects.calls import call, new_run

FILES = "/api/2.0/mlflow-artifacts"


def _root(client, run: str) -> str:
    uri = call(client, "GET", "runs/get", run_id=run)["run"]["info"]["artifact_uri"]
    return uri.removeprefix("mlflow-artifacts:/")


def _create(client, folder: str, parts: int = 2, status: int = 200) -> dict:
    answer = client.post(f"{FILES}/mpu/create/{folder}", json={"path": "/home/me/big.bin", "num_parts": parts})
    assert answer.status_code == status, answer.text
    return answer.json()


def _put(anonymous, credential: dict, data: bytes) -> dict:
    """As the client does: with the headers of the credential and nothing else."""
    path = urlsplit(credential["url"]).path
    answer = anonymous.put(path, content=data, headers=credential["headers"])
    assert answer.status_code == 200, answer.text
    return {"part_number": credential["part_number"], "etag": answer.headers["ETag"], "url": credential["url"]}


def _complete(client, folder: str, upload: str, parts: list[dict]):
    body = {"path": "/home/me/big.bin", "upload_id": upload, "parts": parts}
    return client.post(f"{FILES}/mpu/complete/{folder}", json=body)


def test_parts_in_any_order_become_one_file(alice, anonymous):
    folder = f"{_root(alice, new_run(alice))}/weights"
    made = _create(alice, folder)
    second, first = made["credentials"][1], made["credentials"][0]
    parts = [_put(anonymous, second, b"world"), _put(anonymous, first, b"hello ")]
    assert alice.get(f"{FILES}/artifacts/{folder}/big.bin").status_code == 404
    assert _complete(alice, folder, made["upload_id"], parts).json() == {}
    assert alice.get(f"{FILES}/artifacts/{folder}/big.bin").content == b"hello world"
    assert store().list("workspaces/1/parts") == []


def test_parts_travel_within_the_workspace_of_the_address(alice, anonymous):
    folder = _root(alice, new_run(alice))
    answer = alice.post(f"/w/default{FILES}/mpu/create/{folder}", json={"path": "a b.bin", "num_parts": 1})
    credential = answer.json()["credentials"][0]
    assert urlsplit(credential["url"]).path.startswith(f"/w/default{FILES}/mpu/parts/")
    assert credential["url"].endswith("/a%20b.bin")
    _put(anonymous, credential, b"x")


def test_a_part_that_is_missing_or_another_makes_no_file(alice, anonymous):
    folder = _root(alice, new_run(alice))
    made = _create(alice, folder)
    part = _put(anonymous, made["credentials"][0], b"hello")
    for parts, word in (
        ([part, {"part_number": 2, "etag": "x"}], "Part 2 was not uploaded"),
        ([part | {"etag": "other"}], "not the one whose ETag"),
        ([part | {"part_number": 3}], "name each part from 1 on"),
        ([], "name each part from 1 on"),
    ):
        answer = _complete(alice, folder, made["upload_id"], parts)
        assert answer.status_code == 400 and word in answer.json()["message"], answer.text
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert alice.get(f"{FILES}/artifacts/{folder}/big.bin").status_code == 404


def test_an_upload_that_is_aborted_is_gone(alice, anonymous):
    folder = _root(alice, new_run(alice))
    made = _create(alice, folder)
    part = _put(anonymous, made["credentials"][0], b"hello")
    body = {"path": "big.bin", "upload_id": made["upload_id"]}
    assert alice.post(f"{FILES}/mpu/abort/{folder}", json=body).status_code == 200
    answer = _complete(alice, folder, made["upload_id"], [part])
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert store().list("workspaces/1/parts") == []


def test_an_upload_leads_only_where_it_was_begun(alice, bob, anonymous):
    folder, other = _root(alice, new_run(alice)), _root(alice, new_run(alice))
    made = _create(alice, folder, 1)
    part = _put(anonymous, made["credentials"][0], b"hello")
    assert _complete(alice, other, made["upload_id"], [part]).status_code == 404
    assert _complete(bob, folder, made["upload_id"], [part]).status_code == 403
    path = urlsplit(made["credentials"][0]["url"]).path
    assert anonymous.put(path, content=b"x").status_code == 401
    assert alice.put(path.replace(f"/1/{folder}", f"/0/{folder}"), content=b"x").status_code == 400
    assert alice.put(path.replace(made["upload_id"], "target"), content=b"x").status_code == 404
    _create(alice, folder, 0, 400)
    _create(alice, "0/none/artifacts", 1, 404)


def test_what_was_begun_long_ago_is_removed_with_the_next(alice, anonymous):
    folder = _root(alice, new_run(alice))
    store().write_bytes("workspaces/1/parts/0189aaaaaaaa/1", b"left behind")
    made = _create(alice, folder, 1)
    assert [entry.path for entry in store().list("workspaces/1/parts")] == [made["upload_id"]]
    assert multipart.KEPT_SECONDS == 24 * 3600
