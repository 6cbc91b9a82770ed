"""The files of a run: shown by what they are, and taken home by the folder."""

import io
import json
import zipfile

import pytest

from app.jobs import previews
from tests.dialects.calls import call, new_run

FILES = {
    "notes.md": b"# Notes\n\nIt is **good** <script>x</script>.\n",
    "eval.json": json.dumps({"columns": ["q", "score"], "data": [["why?", 0.5], ["how?", None]]}).encode(),
    "plain.json": b'{"columns": 3}',
    "clip.mp4": bytes(range(256)) * 40,
    "paper.pdf": b"%PDF-1.4",
    "deep/er/long.txt": b"line\n" * 100_000,
}


@pytest.fixture
def run(alice) -> str:
    made = new_run(alice)
    uri = call(alice, "GET", "runs/get", run_id=made)["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for path, data in FILES.items():
        alice.put(f"/api/2.0/mlflow-artifacts/artifacts/{uri}/{path}", content=data)
    return made


def shown(client, run: str, path: str) -> str:
    answer = client.get(f"/jobs/{run}/outputs", params={"root": "artifacts", "path": path})
    assert answer.status_code == 200
    return answer.text


def test_files_are_shown_by_what_they_are(alice, run):
    notes = shown(alice, run, "notes.md")
    assert "<h2>Notes</h2>" in notes and "<strong>good</strong>" in notes and "<script>x" not in notes
    table = shown(alice, run, "eval.json")
    assert '<th scope="col">score</th>' in table and "<td>how?</td>" in table
    assert '<th scope="col">' not in shown(alice, run, "plain.json")
    assert "<video controls" in shown(alice, run, "clip.mp4") and "<iframe" in shown(alice, run, "paper.pdf")
    assert "Only the beginning is shown: the file has 500.0 kB" in shown(alice, run, "deep/er/long.txt")


def test_films_are_sent_by_range(alice, run):
    answer = alice.get(f"/jobs/{run}/outputs/content?path=clip.mp4", headers={"Range": "bytes=256-259"})
    assert (answer.status_code, answer.content) == (206, b"\0\1\2\3")
    assert answer.headers["content-range"] == f"bytes 256-259/{len(FILES['clip.mp4'])}"


def test_a_folder_is_a_zip_file(alice, stranger, run):
    whole = alice.get(f"/api/jobs/{run}/artifacts/archive")
    archive = zipfile.ZipFile(io.BytesIO(whole.content))
    assert {name: archive.read(name) for name in archive.namelist()} == FILES and archive.testzip() is None
    part = alice.get(f"/jobs/{run}/outputs/archive?path=deep")
    assert zipfile.ZipFile(io.BytesIO(part.content)).namelist() == ["er/long.txt"]
    assert "deep.zip" in part.headers["content-disposition"]
    assert alice.get(f"/jobs/{run}/outputs/archive?path=none").status_code == 404
    assert stranger.get(f"/w/other/api/jobs/{run}/artifacts/archive").status_code == 404


def test_many_files_are_listed_page_by_page(alice, run, monkeypatch):
    monkeypatch.setattr(previews, "MOST_FILES", 4)
    first = alice.get(f"/jobs/{run}/outputs").text
    assert "Files 1 to 4." in first and "files_page=2" in first and "long.txt" not in first
    rest = alice.get(f"/jobs/{run}/outputs", params={"root": "artifacts", "files_page": 2}).text
    assert "Files 5 to 6." in rest and "long.txt" in rest and "files_page=3" not in rest
