"""Uploads that are interrupted and go on, by the tus protocol and by the client."""

import base64
import hashlib
import io
from datetime import timedelta

import httpx
import pytest

from app.data import resumable
from app.kit.clock import now
from app.kit.storage import store
from app.sdk import uploading
from app.sdk.client import Client
from app.sdk.errors import ClientError
from app.sdk.packing import pack

PIECE_HEADERS = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "src"
    made.mkdir()
    (made / "train.py").write_text("print('hello')\n")
    # What gzip cannot make small.
    (made / "weights.bin").write_bytes(b"".join(hashlib.sha256(bytes([n % 256, n >> 8])).digest() for n in range(9000)))
    return made


def archive_of(folder) -> bytes:
    archive = io.BytesIO()
    pack(folder, archive)
    return archive.getvalue()


def begin(client, archive: bytes, digest: str | None = None):
    named = base64.b64encode((digest or hashlib.sha256(archive).hexdigest()).encode()).decode()
    headers = {"Upload-Length": str(len(archive)), "Upload-Metadata": f"sha256 {named}"}
    return client.post("/api/uploads/resumable", headers=headers)


def add(client, place: str, piece: bytes, offset: int):
    return client.patch(place, content=piece, headers=PIECE_HEADERS | {"Upload-Offset": str(offset)})


def test_an_upload_goes_on_where_it_stopped(carol, alice, bob, folder):
    archive = archive_of(folder)
    assert archive == archive_of(folder), "the same files make the same archive"
    begun = begin(carol, archive)
    place = begun.headers["Location"]
    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, "0")
    assert add(carol, place, archive[:1000], 0).headers["Upload-Offset"] == "1000"
    assert add(carol, place, archive[:1000], 0).status_code == 409
    assert carol.post(f"{place}/complete").status_code == 409
    again = begin(carol, archive)
    assert (again.headers["Location"], again.headers["Upload-Offset"]) == (place, "1000")
    found = carol.head(place)
    assert (found.headers["Upload-Offset"], found.headers["Upload-Length"]) == ("1000", str(len(archive)))
    assert alice.head(place).status_code == 404
    assert begin(bob, archive).status_code == 403
    assert add(carol, place, archive[1000:] + b"more", 1000).status_code == 413
    assert add(carol, place, archive[1000:], 1000).status_code == 204
    answer = carol.post(f"{place}/complete")
    assert answer.status_code == 201 and answer.json()["uri"].endswith("/src")
    assert carol.head(place).headers["Upload-Offset"] == "0"


def test_what_is_not_as_it_was_said_is_refused(carol):
    place = begin(carol, b"12345678", "0" * 64).headers["Location"]
    add(carol, place, b"12345678", 0)
    answer = carol.post(f"{place}/complete")
    assert answer.status_code == 400 and "another digest" in answer.json()["detail"]
    assert "sha256" in begin(carol, b"1234", "../../x").json()["detail"]
    assert carol.delete(place).status_code == 204


def test_the_client_survives_a_lost_connection(carol, folder, monkeypatch):
    monkeypatch.setattr(uploading, "PIECE", 64 << 10)
    monkeypatch.setattr("app.sdk.client.PIECE", 64 << 10)
    monkeypatch.setattr(uploading.time, "sleep", lambda seconds: None)
    lost = {2: True, 3: True}
    patches = []

    class Shaky(httpx.BaseTransport):
        def handle_request(self, request):
            if request.method == "PATCH":
                patches.append(int(request.headers["Upload-Offset"]))
                if lost.pop(len(patches), False):
                    raise httpx.ConnectError("gone")
            return carol._transport.handle_request(request)

    told = []
    token = carol.headers["Authorization"].removeprefix("Bearer ")
    progress = lambda step, done, of: told.append((step, done, of))  # noqa: E731
    with Client("http://testserver", token, progress=progress, transport=Shaky()) as client:
        assert client.upload(folder).endswith("/src")
    assert patches[:4] == [0, 64 << 10, 64 << 10, 64 << 10]
    assert told[-1][1] == told[-1][2] and told[0][:2] == ("bytes of src", 0)


def test_a_server_that_stays_away_is_told(carol, folder, monkeypatch):
    monkeypatch.setattr("app.sdk.client.PIECE", 1)
    monkeypatch.setattr(uploading.time, "sleep", lambda seconds: None)

    class Gone(httpx.BaseTransport):
        def handle_request(self, request):
            if request.method in ("PATCH", "HEAD"):
                raise httpx.ConnectError("gone")
            return carol._transport.handle_request(request)

    token = carol.headers["Authorization"].removeprefix("Bearer ")
    with Client("http://testserver", token, transport=Gone()) as client, pytest.raises(ClientError, match="No server"):
        client.upload(folder)


def test_what_nobody_went_on_with_is_forgotten(started):
    for days in (0, resumable.KEPT_DAYS):
        day = (now() - timedelta(days=days)).date().isoformat()
        store().write_bytes(f"{resumable.ROOT}/{day}/1/x/0", b"piece")
    resumable.forget_old()
    assert len(store().list(resumable.ROOT)) == 1


def test_a_file_is_taken_as_it_is_by_the_digest_of_its_blocks(carol, monkeypatch):
    monkeypatch.setattr(resumable, "BLOCK", 4)
    body = b"a,b\n1,2\n3"
    blocks = b"".join(hashlib.sha256(body[start : start + 4]).digest() for start in range(0, len(body), 4))
    for digest, status in ((hashlib.sha256(body), 400), (hashlib.sha256(blocks), 201)):
        told = base64.b64encode(digest.hexdigest().encode()).decode()
        headers = {"Upload-Length": str(len(body)), "Upload-Metadata": f"blocks {told}"}
        place = carol.post("/api/uploads/resumable", headers=headers).headers["Location"]
        add(carol, place, body[:4], 0)
        add(carol, place, body[4:], 4)
        done = carol.post(f"{place}/complete", params={"name": "t.csv"})
        assert done.status_code == status, done.text
    assert done.json()["uri"].endswith("/t.csv")
    made = carol.post("/api/data", json={"name": "t", "type": "uri_file", "path": done.json()["uri"]})
    assert made.json()["size_bytes"] == 9
