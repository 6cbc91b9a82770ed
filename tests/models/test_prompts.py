"""Prompts of MLflow, which are registered models whose versions hold a text in a tag."""

import pytest

from tests.dialects.calls import call

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
MARK = {"key": "mlflow.prompt.is_prompt", "value": "true"}


def test_a_prompt_has_versions_without_files(alice):
    call(alice, "POST", "registered-models/create", name="greet", tags=[MARK])
    text = {"key": "mlflow.prompt.text", "value": "Hi {{name}}"}
    for version in ("1", "2"):
        body = {"name": "greet", "source": "dummy-source", "tags": [MARK, text]}
        made = call(alice, "POST", "model-versions/create", **body)["model_version"]
        assert made["version"] == version and text in made["tags"]
    call(alice, "POST", "registered-models/alias", name="greet", alias="prod", version="1")
    assert call(alice, "GET", "registered-models/alias", name="greet", alias="prod")["model_version"]["version"] == "1"
    call(alice, "DELETE", "model-versions/delete", name="greet", version="2")
    found = call(alice, "GET", "registered-models/search", filter="tags.`mlflow.prompt.is_prompt` = 'true'")
    assert [model["name"] for model in found["registered_models"]] == ["greet"]


def test_prompts_are_not_among_the_models(alice):
    call(alice, "POST", "registered-models/create", name="greet", tags=[MARK])
    call(alice, "POST", "registered-models/create", name="iris")
    page = alice.get("/models").text
    assert "iris" in page and "greet" not in page


def test_a_model_still_needs_a_source(alice):
    call(alice, "POST", "registered-models/create", name="iris")
    call(alice, "POST", "model-versions/create", 400, name="iris", source="dummy-source", tags=[MARK])
