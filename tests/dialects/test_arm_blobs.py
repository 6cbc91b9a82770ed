"""Stored files as Azure Storage's clients write and read them."""

import base64

import pytest

from app.kit.storage import store

ROOT = "/blobs/default.blob.testserver/files"
PLACE = f"{ROOT}/LocalUpload/abc/src"


@pytest.fixture
def uploaded(alice):
    answer = alice.put(f"{PLACE}/a%20b.txt", content=b"0123456789", headers={"x-ms-blob-type": "BlockBlob"})
    assert answer.status_code == 201 and answer.headers["etag"]
    return alice


def test_a_file_is_read_in_parts_with_its_metadata(uploaded):
    meta = {"x-ms-meta-name": "code", "x-ms-meta-version": "1"}
    assert uploaded.put(f"{PLACE}/a%20b.txt?comp=metadata", headers=meta).status_code == 200
    part = uploaded.get(f"{PLACE}/a%20b.txt", headers={"x-ms-range": "bytes=2-4"})
    assert part.status_code == 206 and part.content == b"234"
    assert part.headers["content-range"] == "bytes 2-4/10" and part.headers["x-ms-meta-name"] == "code"
    head = uploaded.head(f"{PLACE}/a%20b.txt")
    assert head.headers["content-length"] == "10" and head.headers["etag"] == part.headers["etag"]
    past = uploaded.get(f"{PLACE}/a%20b.txt", headers={"x-ms-range": "bytes=10-20"})
    assert past.status_code == 416 and past.headers["x-ms-error-code"] == "InvalidRange"
    missing = uploaded.head(f"{PLACE}/b")
    assert missing.status_code == 404 and missing.headers["x-ms-error-code"] == "BlobNotFound"


def test_a_file_is_put_together_from_blocks_in_the_order_of_the_list(alice):
    names = [base64.b64encode(name).decode() for name in (b"2", b"1")]
    for name, content in zip(names, (b"world", b"hello "), strict=True):
        sent = alice.put(f"{PLACE}/b", params={"comp": "block", "blockid": name}, content=content)
        assert sent.status_code == 201
    listed = "".join(f"<Latest>{name}</Latest>" for name in reversed(names))
    body = f"<?xml version='1.0'?><BlockList>{listed}</BlockList>"
    assert alice.put(f"{PLACE}/b?comp=blocklist", content=body).status_code == 201
    assert alice.get(f"{PLACE}/b").content == b"hello world"
    again = alice.put(f"{PLACE}/b?comp=blocklist", content=body)
    assert again.status_code == 400 and again.headers["x-ms-error-code"] == "InvalidInput"


def test_a_confirmed_upload_is_not_changed(uploaded):
    held = uploaded.put(f"{PLACE}/a%20b.txt", content=b"x", headers={"If-None-Match": "*"})
    assert held.status_code == 409 and held.headers["x-ms-error-code"] == "BlobAlreadyExists"
    done = {"x-ms-meta-upload_status": "completed"}
    uploaded.put(f"{PLACE}/a%20b.txt?comp=metadata", headers=done)
    for name in ("a%20b.txt", "more.txt"):
        assert uploaded.put(f"{PLACE}/{name}", content=b"x").status_code == 409
    assert uploaded.get(f"{PLACE}/a%20b.txt").content == b"0123456789"
    assert uploaded.put(f"{ROOT}/LocalUpload/abc/other/a", content=b"x").status_code == 201


def test_files_are_listed_by_prefix_and_folder_by_folder(uploaded):
    uploaded.put(f"{ROOT}/LocalUpload/abd/c&d", content=b"")
    whole = uploaded.get(ROOT, params={"restype": "container", "comp": "list", "prefix": "LocalUpload/ab"}).text
    assert "<Name>LocalUpload/abc/src/a b.txt</Name>" in whole and "<Name>LocalUpload/abd/c&amp;d</Name>" in whole
    folders = uploaded.get(ROOT, params={"comp": "list", "prefix": "LocalUpload/", "delimiter": "/"}).text
    assert "<BlobPrefix><Name>LocalUpload/abc/</Name></BlobPrefix>" in folders and "a b.txt" not in folders
    assert "<Name>" not in uploaded.get(ROOT, params={"comp": "list", "prefix": "LocalUpload/abc/src/b"}).text


def test_what_is_kept_beside_files_is_not_shown_and_outputs_lie_where_old_clients_look(uploaded):
    uploaded.put(f"{PLACE}/a%20b.txt?comp=metadata", headers={"x-ms-meta-a": "1"})
    assert "blob-" not in uploaded.get(ROOT, params={"comp": "list"}).text
    assert uploaded.get(ROOT, params={"comp": "list", "prefix": "blob-metadata/"}).status_code == 403
    store().write_bytes("workspaces/1/jobs/j1/outputs/result/a.txt", b"hello")
    listed = uploaded.get(ROOT, params={"comp": "list", "prefix": "azureml/j1/result/"}).text
    assert "<Name>azureml/j1/result/a.txt</Name>" in listed
    assert uploaded.get(f"{ROOT}/azureml/j1/result/a.txt").content == b"hello"
