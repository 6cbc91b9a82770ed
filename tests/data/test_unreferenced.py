"""Uploads that nothing refers to are deleted after days; what is referred to never is."""

import io
from datetime import timedelta

import pytest
import yaml

from app.data import unreferenced
from app.kit.clock import now
from app.kit.storage import store
from app.sdk.packing import pack


@pytest.fixture
def upload(carol, tmp_path):
    def send(name: str) -> str:
        file = tmp_path / name
        file.write_text(name)
        archive = io.BytesIO()
        pack(file, archive)
        return carol.post("/api/uploads", content=archive.getvalue()).json()["uri"]

    return send


def key_of(uri: str) -> str:
    return "workspaces/1/" + uri.partition("/paths/")[2]


def days_later(monkeypatch, days: int) -> None:
    moment = now() + timedelta(days=days)
    monkeypatch.setattr(unreferenced, "now", lambda: moment)


def test_only_what_is_not_referred_to_is_deleted_after_days(carol, upload, monkeypatch):
    code, data, told, loose, again = [upload(name) for name in ("train.py", "a.csv", "b.csv", "c.csv", "d.csv")]
    job = yaml.safe_dump({"command": "echo", "code": code, "description": f"See {told}"})
    assert carol.post("/api/jobs", json={"yaml": job}).status_code == 201
    assert carol.post("/api/data", json={"name": "a", "type": "uri_file", "path": data}).status_code == 201
    assert unreferenced.sweep(7) == 0
    days_later(monkeypatch, 6)
    assert unreferenced.sweep(7) == 0
    assert upload("d.csv") == again
    days_later(monkeypatch, 7)
    assert unreferenced.sweep(7) == 1
    assert store().size(key_of(loose)) is None
    assert all(store().size(key_of(uri)) is not None for uri in (code, data, told, again))
    days_later(monkeypatch, 14)
    assert unreferenced.sweep(7) == 1 and store().size(key_of(again)) is None


def test_what_comes_into_use_is_counted_anew(carol, upload, monkeypatch):
    uri = upload("late.csv")
    unreferenced.sweep(7)
    assert carol.post("/api/data", json={"name": "late", "type": "uri_file", "path": uri}).status_code == 201
    days_later(monkeypatch, 30)
    assert unreferenced.sweep(7) == 0
    assert carol.get("/api/data/late").json()["path"] == uri and store().size(key_of(uri)) is not None


def test_what_a_client_of_azure_uploaded_is_deleted_whole_and_can_be_sent_again(alice, monkeypatch):
    place = "/blobs/default.blob.host/{}/src/main.py"
    for container in ("used", "loose"):
        assert alice.put(place.format(container), content=b"print()").status_code == 201
        confirmed = {"x-ms-meta-upload_status": "completed"}
        assert alice.put(f"{place.format(container)}?comp=metadata", headers=confirmed).status_code == 200
        assert alice.put(place.format(container), content=b"other").status_code == 409
    path = "azureml://datastores/workspaceblobstore/paths/LocalUpload/used/src"
    assert alice.post("/api/data", json={"name": "src", "type": "uri_folder", "path": path}).status_code == 201
    assert unreferenced.sweep(7) == 0
    days_later(monkeypatch, 5)
    assert alice.head("/blobs/default.blob.host/files/LocalUpload/loose/src/main.py").status_code == 200
    assert unreferenced.sweep(7) == 0
    days_later(monkeypatch, 8)
    assert unreferenced.sweep(7) == 0
    days_later(monkeypatch, 12)
    assert unreferenced.sweep(7) == 1
    assert alice.head(place.format("loose")).status_code == 404
    assert alice.get(place.format("used")).content == b"print()"
    assert alice.put(place.format("loose"), content=b"again").status_code == 201
