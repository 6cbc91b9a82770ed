"""Artifacts and pictures of several runs beside each other."""

from html import unescape

import pytest

from app.tracking.logged_images import by_key
from tests.dialects.calls import call, new_run

PICTURE = "images/a~b+step+{}+timestamp+{}+0b9c1a52-7d5b-4b61-9b1c-0c4c3f4b1f6e{}"


def left(client, files: dict[str, bytes], name: str) -> str:
    run = new_run(client, run_name=name)
    uri = call(client, "GET", "runs/get", run_id=run)["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for path, data in files.items():
        client.put(f"/api/2.0/mlflow-artifacts/artifacts/{uri}/{path}", content=data)
    return run


@pytest.fixture
def runs(alice) -> str:
    one = {
        "c.json": b'{"a": 1, "b": [2]}',
        "t.csv": b"k,v\nx,1\ny,2\n",
        "p.png": b"\x89PNG",
        PICTURE.format(3, 1, ".png"): b"\x89PNG",
    }
    two = one | {"c.json": b'{"b": [5], "a": 1}', "t.csv": b"k,v\nx,1\ny,9\n", "only.txt": b"here"}
    return ",".join([left(alice, one, "one"), left(alice, two, "two")])


def page(client, what: str, runs: str, status: int = 200, /, **query) -> str:
    answer = client.get(f"/jobs/compare/{what}", params={"names": runs, **query})
    assert answer.status_code == status, answer.text
    return unescape(answer.text)


def test_text_and_tables_are_changes_from_the_base(alice, runs):
    json = page(alice, "artifacts", runs, path="c.json")
    gone, new = (json.partition(f'class="change-{mark}"')[2].partition("</tr>")[0] for mark in ("gone", "new"))
    assert "    2" in gone and "    5" in new and json.count('class="change-new"') == 1
    table = page(alice, "artifacts", runs, path="t.csv", base=runs.split(",")[1])
    assert "<td>9</td>" in table.partition('class="change-gone"')[2].partition("</tr>")[0]
    assert "two has no such artifact" not in table
    assert "The base has no such artifact" in page(alice, "artifacts", runs, path="only.txt")


def test_pictures_stand_beside_each_other_and_what_nobody_has_is_said(alice, stranger, runs):
    beside = page(alice, "artifacts", runs, path="p.png")
    assert beside.count("/outputs/content?path=p.png") == 2 and "(2 of 2)" in beside and "+step+" not in beside
    assert "'nothing'" in page(alice, "artifacts", runs, 404, path="nothing")
    assert stranger.get(f"/w/other/jobs/compare/artifacts?names={runs}").status_code == 404


def test_pictures_by_step_are_shown_for_all_runs(alice, runs):
    images = page(alice, "images", runs)
    assert images.count("<image-steps>") == 1 and images.count("data-steps") == 2 and "a/b" in images
    assert "data-steps" in alice.get(f"/jobs/{runs.split(',')[0]}/images").text


def test_of_one_step_the_newest_in_full_size_is_shown():
    paths = [PICTURE.format(step, time, end) for step, time, end in ((10, 5, ".png"), (2, 9, ".png"), (2, 8, ".png"))]
    small = PICTURE.format(2, 99, "+compressed.webp")
    old = PICTURE.replace("+", "%").replace("~", "#").format(4, 1, ".png")
    assert by_key([*paths, small, old, "images/plain.png"]) == {"a/b": [(2, paths[1]), (4, old), (10, paths[0])]}
