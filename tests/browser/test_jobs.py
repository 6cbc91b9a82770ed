"""Jobs that are submitted, watched, canceled and found again."""

import re

from playwright.sync_api import expect

WAITS = "for i in $(seq 1 600); do echo line $i; sleep 0.1; done"


def test_a_running_job_is_canceled_from_its_page(page, server):
    name = server.run(WAITS)
    server.wait_for(name, "Running")
    page.goto(f"/jobs/{name}")
    page.evaluate("window.kept = true")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.locator("#job-status")).to_contain_text("Canceled")
    expect(page.locator("#job-actions").get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    assert server.job(name)["status"] == "Canceled"


def test_a_state_changes_on_the_page_without_loading_it_again(page, server):
    name = server.run("sleep 2")
    page.goto(f"/jobs/{name}")
    page.evaluate("window.kept = true")
    expect(page.locator("#job-status")).to_contain_text("Completed")
    expect(page.get_by_role("link", name="Register model")).to_be_visible()
    assert page.evaluate("window.kept")


def test_a_wrong_job_file_says_its_line_and_field_and_runs_when_it_is_right(page, server):
    page.goto("/jobs/new")
    editor = page.get_by_label("Job file")
    editor.fill("display_name: from the page\ncommand: echo it ran\nlimits:\n  timeout: soon\n")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".callout")).to_contain_text("limits.timeout")
    expect(page.locator(".excerpt-here")).to_have_text(re.compile("timeout: soon"))
    assert page.locator(".excerpt-here").get_attribute("data-line") == "4"
    assert editor.get_attribute("aria-invalid") == "true"
    assert "timeout: soon" in editor.input_value()
    editor.fill(editor.input_value().replace("soon", "60"))
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#job-status")).to_contain_text("Completed")
    expect(page.get_by_role("heading", level=1)).to_have_text("from the page")
    page.get_by_role("link", name="Logs").click()
    expect(page.locator("log-view")).to_contain_text("it ran")


def test_a_log_goes_on_over_a_restart_of_the_server_without_a_line_lost_or_doubled(browser, server, admin):
    name = server.run("for i in $(seq 1 120); do echo line $i; sleep 0.1; done")
    server.wait_for(name, "Running")
    # The browser says that it lost the server: a page of its own, whose complaints nobody collects.
    page = browser.new_context(base_url=server.url, storage_state=admin).new_page()
    page.goto(f"/jobs/{name}/logs")
    page.evaluate("window.kept = true")
    expect(page.locator("log-view")).to_contain_text("line 5")
    server.child("app.cli.web").kill()
    expect(page.locator("log-view [data-line]")).to_have_count(120, timeout=60_000)
    assert page.locator("log-view .log-text").all_inner_texts()[:120] == [f"line {i}" for i in range(1, 121)]
    assert page.evaluate("window.kept")
    page.context.close()


def test_filters_and_order_are_in_the_address(page, pages, server):
    for name in ("pears", "apples"):
        server.wait_for(server.run("exit 1", display_name=name, experiment_name="orchard"))
    server.wait_for(server.run("true", display_name="apples that grew", experiment_name="orchard"))
    page.goto("/jobs")
    page.get_by_label("Experiment", exact=True).select_option("orchard")
    expect(page).to_have_url(re.compile("experiment=orchard"))
    page.locator("summary", has_text="Status").click()
    page.get_by_label("Failed").check()
    expect(page).to_have_url(re.compile("status=Failed"))
    page.keyboard.press("Escape")
    names = page.locator("#jobs-list .row-link")
    expect(names).to_have_text(["apples", "pears"])
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"sort=name"))
    expect(names).to_have_text(["apples", "pears"])
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(names).to_have_text(["pears", "apples"])
    again = pages.open(page.url)
    expect(again.locator("#jobs-list .row-link")).to_have_text(["pears", "apples"])
    expect(again.get_by_label("Experiment", exact=True)).to_have_value("orchard")
    again.get_by_label("Search jobs by name").fill("pear")
    expect(again.locator("#jobs-list .row-link")).to_have_text(["pears"])
    again.go_back()
    expect(again.locator("#jobs-list .row-link")).to_have_text(["pears", "apples"])
