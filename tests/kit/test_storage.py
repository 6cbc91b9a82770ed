"""The artifact store keeps what it is given, in order, and lets no key out of its root."""

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from app.errors import Conflict, Invalid, NotFound
from app.kit.storage import Entry, LocalStorage
from app.kit.storage.s3 import S3Storage


@pytest.fixture(scope="module")
def bucket():
    """A bucket of a server that speaks S3."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environ = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environ | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield "bucket"
    server.stop()


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path):
    if request.param == "local":
        return LocalStorage(str(tmp_path / "artifacts"))
    return S3Storage(f"s3://{request.getfixturevalue('bucket')}/{tmp_path.name}")


def test_what_is_written_can_be_read_whole_and_in_part(store):
    store.write("a/b.txt", [b"hello ", b"world"])
    assert store.read_bytes("a/b.txt") == b"hello world"
    assert b"".join(store.read("a/b.txt", 6, 9)) == b"wor"
    assert store.size("a/b.txt") == 11


def test_appending_adds_to_the_end(store):
    store.append("log", b"one\n")
    store.append("log", b"two\n")
    assert b"".join(store.read("log", 4)) == b"two\n"


def test_a_write_that_breaks_off_leaves_nothing(store):
    def broken():
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store.write("a", broken())
    assert store.size("a") is None and [entry.path for entry in store.walk("")] == []


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a\\..\\b", "a\0b"])
def test_no_key_leads_outside(store, key):
    with pytest.raises(Invalid):
        store.write(key, [b""])


def test_folders_come_first_in_a_list(store):
    for key in ("r/b.txt", "r/a/c.txt"):
        store.write(key, [b"1"])
    assert store.list("r") == [Entry("a", True, 0), Entry("b.txt", False, 1)]
    assert sorted(entry.path for entry in store.walk("r")) == ["a/c.txt", "b.txt"]
    assert store.total_size("r") == (2, 2)


@pytest.mark.parametrize("store", ["local"], indirect=True)
def test_a_file_cannot_become_a_folder(store):
    store.write("a", [b"1"])
    with pytest.raises(Conflict):
        store.write("a/b", [b"1"])


def test_links_that_leave_a_folder_are_not_stored(store, tmp_path):
    folder = tmp_path / "outputs"
    folder.mkdir()
    (folder / "kept").write_text("1")
    (folder / "secret").symlink_to("/etc/passwd")
    store.upload("up", folder)
    assert [entry.path for entry in store.walk("up")] == ["kept"]


def test_what_is_not_there_is_not_found(store):
    with pytest.raises(NotFound):
        store.read("nothing")
    assert store.size("nothing") is None and store.list("nothing") == []


def test_a_copy_and_a_download_are_the_same_bytes(store, tmp_path):
    store.write("from/a.txt", [b"one"])
    store.append("from/log.txt", b"two ")
    store.append("from/log.txt", b"three")
    store.download("from", tmp_path / "here")
    assert (tmp_path / "here/a.txt").read_bytes() == b"one"
    assert (tmp_path / "here/log.txt").read_bytes() == b"two three"
    store.copy("from", "to")
    assert store.read_bytes("to/a.txt") == b"one"
    store.delete("from")
    assert store.list("from") == [] and store.size("to/a.txt") == 3


def test_links_of_the_store_itself(bucket):
    store = S3Storage(f"s3://{bucket}/links")
    assert httpx.put(store.link("a b", "PUT", 60), content=b"sent").status_code == 200
    assert store.read_bytes("a b") == b"sent" == httpx.get(store.link("a b", "GET", 60)).content
    store.append("log", b"in parts")
    assert store.link("log", "GET", 60) is None
