"""Who comes in, and what somebody sees who may only read."""

import re
import subprocess

import pytest
from playwright.sync_api import expect

from app.settings import PROJECT
from tests.browser.conftest import Pages, closing, password_of, sign_in
from tests.live.conftest import ATELIER


def test_the_link_that_was_printed_signs_in_once(strangers, server):
    link = re.search(r"http\S+/sign-in/link\?token=\S+", server.said)[0]
    page = strangers.open(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{server.url}/w/default/")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    other = strangers.open(link)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_text("That link does not work any more")).to_be_visible()
    expect(other.get_by_label("Password")).to_be_visible()


def test_a_wrong_password_is_told_and_the_right_one_leads_where_one_wanted_to_go(strangers, server):
    page = strangers.open("/jobs?sort=name")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".field-error, .callout").first).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("admin")
    page.get_by_label("Password").fill(password_of(server))
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/jobs\?sort=name$"))


@pytest.fixture
def readers(browser, server, session_of):
    subprocess.run(
        [ATELIER, "user", "create", "--home", server.home, "--name", "rita", "--role", "Reader"],
        input="rita reads what others run",
        text=True,
        check=True,
        cwd=PROJECT,
        capture_output=True,
    )
    state = session_of(server, "rita", "rita reads what others run")
    pages = Pages(browser, server, [], state)
    with closing(pages):
        yield pages


def test_a_reader_sees_no_buttons_that_write(readers, server):
    name = server.run("echo to be read")
    server.wait_for(name)
    page = readers.open("/")
    for address in ("/", "/jobs", f"/jobs/{name}", "/data", "/data/digits/versions/1", "/models", "/endpoints"):
        page.goto(address)
        writing = page.locator("#main form[method=post] button:visible, #main [data-dialog]:visible")
        assert writing.all_inner_texts() == [], address
        assert page.locator("#main a[href$='/new']:visible").count() == 0, address
    answer = page.goto("/jobs/new")
    assert answer.status == 403
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#main")).to_contain_text("jobs/write")
    page.context.close()


def test_signing_out_ends_the_session(strangers, server):
    page = strangers.context().new_page()
    sign_in(page, "admin", password_of(server))
    page.get_by_label("Account of").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto("/jobs")
    expect(page).to_have_url(re.compile("/sign-in"))
