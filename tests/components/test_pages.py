"""Pages of components: what they show, and what their forms do."""

from html import unescape

import pytest

from app.settings import PROJECT

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
EXAMPLE = (PROJECT / "examples" / "digits" / "component.yml").read_text()


def test_the_example_is_made_and_run_from_the_pages(alice, bob, sent):
    assert "No components yet" in alice.get("/components").text
    assert "train_digits" in alice.get("/components/new").text
    made = alice.post("/components/new", data={"yaml": EXAMPLE, "keep_code": "true"})
    assert made.headers["location"].endswith("/components/train_digits/versions/1")

    shown = unescape(alice.get("/components/train_digits").text)
    for words in ("learning_rate", "0 to 1", "at least 1", "component: azureml:train_digits:1", "Run it"):
        assert words in shown
    assert "commandComponent.schema.json" in alice.get("/components/train_digits/versions/1/yaml").text
    assert "train_digits" in bob.get("/components?text=train").text
    assert bob.get("/components/new").status_code == 403

    draft = unescape(alice.get("/jobs/new?component=train_digits:1").text)
    assert "learning_rate: 0.003  # number, at least 0, at most 1" in draft
    job = "component: azureml:train_digits:1\ninputs: {data: {path: azureml:digits@latest}}\n"
    name = alice.post("/jobs/new", data={"yaml": job}).headers["location"].rpartition("/")[2]
    assert name in alice.get("/components/train_digits/versions/1/jobs").text
    assert [task for task, _ in sent] == ["jobs.run"]

    again = alice.post("/components/new", data={"yaml": EXAMPLE, "from": "train_digits", "keep_code": "true"})
    assert again.headers["location"].endswith("/components/train_digits/versions/2")
    alice.post("/components/train_digits/versions/2/describe", data={"display_name": "Better", "description": "d"})
    alice.post("/components/train_digits/versions/2/archive")
    assert "Archived" in alice.get("/components/train_digits/versions").text
    assert "Version 1" in alice.get("/components/train_digits").text


def test_a_wrong_file_is_shown_again_with_its_lines(alice):
    answer = alice.post("/components/new", data={"yaml": "name: a\ncommand: echo ${{inputs.x}}\ncode: ./src\n"})
    assert answer.status_code == 400
    assert "there is no input `x`" in unescape(answer.text) and "excerpt-here" in answer.text
    missing = alice.post("/components/new", data={"yaml": EXAMPLE})
    assert missing.status_code == 400 and "is a path on your machine" in unescape(missing.text)
