"""From a job to a model that answers, by pages alone."""

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def model(server, browser, admin, first_run) -> str:
    """The address of the first version's page, registered with the button on its job's page."""
    context = browser.new_context(base_url=server.url, storage_state=admin)
    page = context.new_page()
    page.goto(f"{first_run.at}/jobs/{first_run.name}")
    page.get_by_role("link", name="Register model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("digits")
    dialog.get_by_role("button", name="Register").click()
    page.wait_for_url("**/models/digits/versions/1")
    address = page.url
    context.close()
    return address


@pytest.fixture(scope="module")
def endpoint(server, browser, admin, model) -> str:
    """The address of an endpoint's page, deployed with the form; it was watched until it served."""
    context = browser.new_context(base_url=server.url, storage_state=admin)
    page = context.new_page()
    page.goto(model)
    page.get_by_role("link", name="Deploy", exact=True).click()
    page.get_by_role("combobox", name="Endpoint").fill("reads-digits")
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url("**/endpoints/reads-digits")
    page.evaluate("window.kept = true")
    expect(page.locator("#deployments")).to_contain_text("Succeeded", timeout=90_000)
    expect(page.locator("#deployments")).to_contain_text("100 %")
    assert page.evaluate("window.kept")
    address = page.url
    context.close()
    return address


def test_a_version_shows_what_it_is_and_where_it_came_from(page, model, first_run):
    page.goto(model)
    expect(page.get_by_role("heading", level=1)).to_have_text("digits")
    expect(page.get_by_role("region", name="Signature")).to_contain_text("(any, 64)")
    lineage = page.locator(".lineage")
    expect(lineage.get_by_role("link", name="digits:1")).to_have_attribute(
        "href", re.compile("/data/digits/versions/1")
    )
    expect(lineage.get_by_role("link", name=first_run.name)).to_be_visible()
    expect(page.get_by_role("region", name="Metrics of the job")).to_contain_text("accuracy")
    page.get_by_role("navigation", name="Views of the version").get_by_role("link", name="Files").click()
    page.get_by_role("link", name="MLmodel").click()
    expect(page.locator("#model-files")).to_contain_text("python_function")


def test_the_job_links_to_the_model_it_made(page, model, first_run):
    page.goto(f"{first_run.at}/jobs/{first_run.name}")
    page.get_by_role("link", name="digits:1").last.click()
    expect(page).to_have_url(model)


def test_the_test_form_scores_and_names_the_wrong_field(page, endpoint):
    page.goto(f"{endpoint}/test")
    body = page.get_by_label("Body")
    good = body.input_value()
    page.get_by_role("button", name="Score").click()
    answer = page.locator("#answer")
    expect(answer).to_contain_text("200")
    expect(answer.locator("pre")).to_have_text(re.compile(r"\d\.\d"))
    body.fill(good[: good.rindex("]")])
    expect(page.locator("#body-note")).to_contain_text("not JSON")
    body.fill(re.sub(r"-?\d+\.\d+|\b\d+\b", '"seven"', good, count=1))
    page.get_by_role("button", name="Score").click()
    expect(answer.locator(".callout")).to_contain_text("inputs[0][0]: expected a number")
    assert body.input_value() != good


def test_the_curl_that_is_shown_runs_as_pasted(page, endpoint, tmp_path):
    page.goto(f"{endpoint}/consume")
    expect(page.locator("#main")).to_contain_text("/endpoints/reads-digits/score")
    key = page.get_by_label("Primary key", exact=True)
    assert key.get_attribute("type") == "password"
    page.get_by_role("button", name="Show Primary key").click()
    assert key.get_attribute("type") == "text"
    assert len(key.input_value()) > 20
    shown = {"ENDPOINT_KEY": key.input_value()}
    assert _run(_curl(page), tmp_path, shown) == "200"
    page.get_by_role("link", name="Put it into the code").click()
    assert _run(_curl(page), tmp_path, {}) == "200"


def _curl(page: Page) -> str:
    page.get_by_role("tab", name="curl").click()
    return page.get_by_role("tabpanel", name="curl").locator("pre").inner_text()


def _run(command: str, folder, variables: dict[str, str]) -> str:
    return subprocess.run(
        ["bash", "-c", f"{command} -s -o answer -w '%{{http_code}}'"],
        env={"PATH": "/usr/bin:/bin"} | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
