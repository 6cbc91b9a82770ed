"""The page of workspaces."""

import pytest

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_everybody_sees_the_workspaces_that_are_open_to_them(alice, stranger):
    assert "/w/other/" in alice.get("/workspaces").text
    page = stranger.get("/workspaces").text
    assert "/w/other/" in page and ">Default<" not in page


def test_a_new_workspace_is_gone_to_at_once_and_holds_the_example(alice):
    answer = alice.post("/workspaces", data={"name": "vision", "display_name": "Vision"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/w/vision/")
    assert "digits" in alice.get("/w/vision/data").text
    record = alice.get("/w/default/api/audit?action=workspaces/write").json()["value"][0]
    assert record["target_name"] == "vision"


@pytest.mark.parametrize(("name", "status"), [("Not Good", 400), ("default", 409), ("", 400)])
def test_a_refused_workspace_is_explained_and_leaves_no_record(alice, name, status):
    answer = alice.post("/workspaces", data={"name": name, "description": "kept words"})
    assert answer.status_code == status
    assert 'id="name-error"' in answer.text and "kept words" in answer.text
    assert alice.get("/api/audit?action=workspaces/write").json()["total"] == 0


def test_only_who_may_is_offered_the_form(carol):
    assert "New workspace" not in carol.get("/workspaces").text
    assert carol.post("/workspaces", data={"name": "vision"}).status_code == 403
