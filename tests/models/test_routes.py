"""Registered models over REST: from an upload to the archive that is fetched again."""

import io
import tarfile

import pytest


@pytest.fixture
def uploaded(alice) -> str:
    """The address of an uploaded folder with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("weights.bin")
        info.size = 5000
        tar.addfile(info, io.BytesIO(b"w" * 5000))
    answer = alice.post("/api/uploads", content=buffer.getvalue())
    assert answer.status_code == 201, answer.text
    return answer.json()["uri"]


def _create(client, source: str, **fields):
    return client.post("/api/models", json={"name": "m", "source": source, **fields})


def test_an_upload_becomes_a_version_that_can_be_fetched(alice, uploaded):
    made = _create(alice, uploaded, description="first", tags={"a": "b"})
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["type"], made.json()["job"]) == ("1", "custom_model", None)
    archive = alice.get("/api/models/m/versions/1/download")
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as tar:
        assert tar.extractfile("weights.bin").read() == b"w" * 5000
    content = alice.get(
        "/api/models/m/versions/1/content", params={"path": "weights.bin"}, headers={"Range": "bytes=0-9"}
    )
    assert (content.status_code, content.content) == (206, b"w" * 10)
    assert alice.get("/api/models/m/versions/1/content", params={"path": "none"}).status_code == 404


def test_aliases_stage_and_description_are_changed(alice, uploaded):
    _create(alice, uploaded)
    assert alice.put("/api/models/m/aliases/best", json={"version": "1"}).json()["aliases"] == ["best"]
    changed = alice.patch("/api/models/m/versions/1", json={"description": "d", "stage": "staging"}).json()
    assert (changed["description"], changed["stage"]) == ("d", "Staging")
    assert alice.get("/api/models/m").json()["aliases"] == {"best": "1"}
    assert alice.delete("/api/models/m/aliases/best").status_code == 204
    assert alice.patch("/api/models/m", json={"tags": {"k": "v"}}).json()["tags"] == {"k": "v"}


def test_a_model_is_archived_and_restored(alice, uploaded):
    _create(alice, uploaded)
    alice.post("/api/models/m/archive")
    assert alice.get("/api/models").json()["total"] == 0
    alice.post("/api/models/m/restore")
    assert alice.get("/api/models").json()["value"][0]["name"] == "m"


def test_a_write_leaves_a_record_and_readers_cannot_write(alice, bob, uploaded):
    assert _create(bob, uploaded).status_code == 403
    _create(alice, uploaded)
    records = alice.get("/api/audit", params={"action": "models/write"}).json()["value"]
    assert records[0]["target_name"] == "m:1"


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"name": "a b"}, "name"),
        ({"type": "good"}, "type"),
        ({"source": "nowhere"}, "source"),
        ({"version": "x y"}, "version"),
    ],
)
def test_what_is_wrong_is_named(alice, uploaded, fields, target):
    answer = alice.post("/api/models", json={"name": "m", "source": uploaded, **fields})
    assert (answer.status_code, answer.json()["target"]) == (400, target)
