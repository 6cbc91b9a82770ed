"""A stored file gets a second key; neither key can change what the other holds."""

import pytest

from app.errors import NotFound
from app.kit.storage import LocalStorage


@pytest.fixture
def store(tmp_path):
    return LocalStorage(str(tmp_path / "artifacts"))


def test_a_folder_is_copied_whole(store):
    store.write("run/model/MLmodel", [b"flavors"])
    store.write("run/model/data/weights", [b"123"])
    store.copy("run/model", "models/m/1")
    assert [entry.path for entry in store.walk("models/m/1")] == ["MLmodel", "data/weights"]


def test_a_copied_file_takes_no_more_room(store):
    store.write("a", [b"x" * 100])
    store.copy("a", "b")
    assert store.local_path("a").stat().st_ino == store.local_path("b").stat().st_ino


def test_writing_or_deleting_the_source_leaves_the_copy(store):
    store.write("a", [b"first"])
    store.copy("a", "b")
    store.write("a", [b"second"])
    store.delete("a")
    assert store.read_bytes("b") == b"first"


def test_a_copy_replaces_what_was_there(store):
    store.write("a", [b"new"])
    store.write("b", [b"old"])
    store.copy("a", "b")
    assert store.read_bytes("b") == b"new"


def test_what_is_not_there_cannot_be_copied(store):
    with pytest.raises(NotFound):
        store.copy("none", "b")
