"""From a filter with a mistake to a saved view that shows the same to whoever opens its link."""

import re

import httpx
from playwright.sync_api import expect

from tests.dialects.calls import call, log, new_run


def test_a_table_is_filtered_by_keyboard_kept_as_a_view_and_opened_elsewhere(page, pages, server, elsewhere):
    client = httpx.Client(base_url=f"{server.url}{elsewhere}", headers=server.client.headers)
    for index in range(4):
        run = new_run(client, run_name=f"net-{index}")
        for key, value in (("optimizer", ("adam", "sgd")[index // 2]), ("seed", str(index % 2))):
            call(client, "POST", "runs/log-parameter", run_id=run, key=key, value=value)
        log(client, run, "score", index, step=1, timestamp=1)
    page.goto(f"{elsewhere}/jobs")
    field = page.get_by_label("Filter in MLflow's language")
    field.fill("params.optimizer = adam")
    field.press("Enter")
    expect(page.locator(".filter-mistake mark")).to_have_text("adam")
    field.fill("")
    field.press_sequentially("params.optimizer = 'ad")
    expect(page.get_by_role("option", name="'adam'")).to_be_visible()
    field.press("ArrowDown")
    field.press("Tab")
    expect(field).to_have_value("params.optimizer = 'adam' ")
    field.press("Enter")
    names = page.locator("#jobs-list .row-link")
    expect(names).to_have_text(["net-1", "net-0"])
    page.get_by_role("button", name="Pin net-0").click()
    expect(names).to_have_text(["net-0", "net-1"])
    page.locator("summary", has_text="Views").click()
    page.get_by_role("button", name="Save as a view").click()
    dialog = page.get_by_role("dialog", name="View of the run table")
    dialog.get_by_label("Name").fill("adam only")
    dialog.get_by_label("The experiment that it shows").check()
    dialog.get_by_role("button", name="Save as a new view").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no one experiment")
    expect(dialog.get_by_label("Name")).to_have_value("adam only")
    dialog.get_by_label("The experiment that it shows").uncheck()
    dialog.get_by_role("button", name="Save as a new view").click()
    expect(page).to_have_url(re.compile("view="))
    other = pages.open(page.url)
    expect(other.locator("#jobs-list .row-link")).to_have_text(["net-0", "net-1"])
    page.goto(f"{elsewhere}/jobs?experiment=Default")
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Find a column").fill("seed")
    page.locator("#column-choices").get_by_role("checkbox", name="seed").uncheck()
    expect(page.get_by_role("columnheader", name="seed")).to_have_count(0)
    page.locator("summary", has_text="Columns").press("Escape")
    for name in ("net-0", "net-3"):
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("link", name="Compare").click()
    expect(page.locator("h1")).to_have_text("Compare 2 runs")
    expect(page.locator(".compare-other", has_text="sgd")).to_be_visible()
    grouped = pages.open(f"{elsewhere}/jobs?group=~seed&metric=score")
    expect(grouped.locator("#jobs-list")).to_contain_text("optimizer = adam")
    # htmx tells the console of both answers that were meant to be refusals.
    assert all("Response Status Error Code 400" in complaint for complaint in pages.complaints)
    pages.complaints.clear()
