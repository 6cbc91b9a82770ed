"""Without a mouse, and without scripts."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import password_of, sign_in


def test_the_first_key_skips_to_the_content(page):
    page.goto("/jobs")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    expect(page.locator(".skip-link")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_job_is_opened_from_the_list_by_keys(page, server):
    name = server.run("echo by keys", display_name="opened by keys")
    server.wait_for(name)
    page.goto("/jobs")
    page.locator("#main").focus()
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.row-link')"):
            break
    outline = "getComputedStyle(document.activeElement)"
    assert page.evaluate(f"{outline}.outlineStyle !== 'none' || {outline}.boxShadow !== 'none'")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("opened by keys")


def test_escape_closes_dialogs_and_menus_and_gives_the_focus_back(page, server):
    name = server.run("true")
    server.wait_for(name)
    page.goto(f"/jobs/{name}")
    menu = page.get_by_label("More actions")
    menu.press("Enter")
    expect(page.get_by_role("button", name="Edit tags")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Edit tags")).to_be_hidden()
    expect(menu).to_be_focused()
    opener = page.locator("[data-dialog=tag-job]").last
    opener.press("Enter")
    expect(page.get_by_role("dialog", name="Tags")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def test_everything_needed_works_without_scripts(strangers, server):
    page = strangers.context(java_script_enabled=False).new_page()
    sign_in(page, "admin", password_of(server))
    page.get_by_role("link", name="New job").click()
    page.get_by_label("Job file").fill("display_name: plain\ncommand: sleep 60\n")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("plain")
    name = re.search(r"/jobs/([^/?]+)", page.url)[1]
    server.wait_for(name, "Running")
    page.reload()
    expect(page.locator("#job-status")).to_contain_text("Running")
    page.get_by_role("button", name="Cancel now").click()
    server.wait_for(name, "Canceled")
    page.reload()
    expect(page.locator("#job-status")).to_contain_text("Canceled")
    page.get_by_role("link", name="Logs").click()
    page.locator("log-view").get_by_role("link").click()
