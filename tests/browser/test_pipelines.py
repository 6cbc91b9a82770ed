"""The graph of a pipeline: followed live, moved by keyboard, and read in the panel of a step."""

from playwright.sync_api import expect

YAML = """\
type: pipeline
name: seen-live
jobs:
  first: {command: "sleep 2; echo one > ${{outputs.o}}/a", outputs: {o: }}
  second: {command: "cat ${{inputs.i}}/a", inputs: {i: "${{parent.jobs.first.outputs.o}}"}}
"""


def test_a_pipeline_is_followed_moved_and_looked_into(page, server, elsewhere, environment):
    answer = server.client.post(f"{elsewhere}/api/jobs", json={"yaml": YAML})
    assert answer.status_code == 201, answer.text
    page.goto(f"{elsewhere}/jobs/seen-live")
    page.get_by_role("link", name="first").press("Enter")
    expect(page.get_by_role("complementary", name="The chosen step")).to_contain_text("first")
    page.goto(f"{elsewhere}/jobs/seen-live/graph")
    page.get_by_role("link", name="second").press("Enter")
    panel = page.get_by_role("complementary", name="The chosen step")
    expect(panel).to_contain_text("from first, output o")
    stage = page.locator(".graph-stage")
    before = page.locator(".graph-plane").get_attribute("transform")
    stage.press("+")
    assert page.locator(".graph-plane").get_attribute("transform") != before
    expect(page.locator("#item-second")).to_have_attribute("data-status", "Completed", timeout=40_000)
    expect(panel.locator(".log-body")).to_contain_text("one")
    page.get_by_label("Find a step").fill("fir")
    expect(page.get_by_role("link", name="second")).to_be_hidden()
