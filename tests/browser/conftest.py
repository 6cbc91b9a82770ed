"""A real Chromium in front of a server of its own; no page may make the browser complain."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.live.conftest import Server, start, stop
from tests.live.conftest import environment as environment

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: run `make test`")
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What the browser says of an answer of 4xx or 5xx; the pages that are meant to be refused are looked at by their tests.
# A request that `hx-sync` lets a later one replace is told as an abort.
EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of (400|401|403|404|409|422)|htmx:sendAbort"
)

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items) -> None:
    if CHROMIUM:
        return
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason="no Chromium is installed: apt-get install chromium"))


@dataclass
class Pages:
    """Opens pages in contexts of their own, and keeps what the browser complained of."""

    browser: Browser
    server: Server
    complaints: list[str]
    state: dict | None = None
    contexts: list[BrowserContext] = field(default_factory=list)

    def context(self, **options) -> BrowserContext:
        given = {"base_url": self.server.url, "viewport": {"width": 1440, "height": 900}, "storage_state": self.state}
        context = self.browser.new_context(**(given | options))
        context.on("page", self._listen)
        self.contexts.append(context)
        return context

    def open(self, address: str = "/", **options) -> Page:
        page = self.context(**options).new_page()
        page.goto(address)
        return page

    def _listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._hear(page, message))

    def _hear(self, page: Page, message) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            self.complaints.append(f"{page.url}: {message.text}")


@pytest.fixture(scope="package")
def server(tmp_path_factory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("browser") / "home")
    yield running
    stop(running)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def elsewhere(server) -> str:
    """The address of a workspace for what is logged."""
    server.client.post("/api/3.0/mlflow/workspaces", json={"name": "elsewhere"}).raise_for_status()
    return "/w/elsewhere"


def password_of(server: Server) -> str:
    return re.search(r"as admin with the password\s+(\S+)", server.said)[1]


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture(scope="package")
def session_of(browser) -> Callable[[Server, str, str], dict]:
    """Signs somebody in and gives the cookies of that session."""

    def session(server: Server, name: str, password: str) -> dict:
        context = browser.new_context(base_url=server.url)
        page = context.new_page()
        sign_in(page, name, password)
        expect(page.get_by_role("navigation", name="Main")).to_be_attached()
        state = context.storage_state()
        context.close()
        return state

    return session


@pytest.fixture(scope="package")
def admin(server, session_of) -> dict:
    return session_of(server, "admin", password_of(server))


# Notes what is seen whenever it changes; the notes are lost if the page is ever loaded again.
LOOK = """
  window.noted = {};
  window.note = (what, look) => {
    const notes = (window.noted[what] = []);
    const again = () => {
      const seen = look();
      if (notes.at(-1) !== seen) notes.push(seen);
    };
    again();
    setInterval(again, 50);
  };
"""
STATE = "note('states', () => document.querySelector('#job-status').innerText.trim().split('\\n')[0])"
LINES = "note('lines', () => document.querySelectorAll('log-view [data-line]').length)"
CHARTS = "note('charts', () => document.querySelectorAll('metric-chart').length)"
POINTS = """note('points', () => {
  const drawn = [...document.querySelectorAll('metric-chart')].flatMap((chart) => chart.series ?? []);
  return drawn.reduce((sum, { points }) => sum + points.length, 0);
})"""


@dataclass
class FirstRun:
    """A job of the workspace `at`, and what its pages showed from its start to its end, never loaded again."""

    name: str
    at: str
    states: list[str]
    lines: list[int]
    charts: list[int]
    points: list[int]


@pytest.fixture(scope="package")
def first_run(request, server, browser, admin) -> FirstRun:
    """The example that the empty home of a new workspace offers, watched on three pages at once."""
    request.getfixturevalue("environment")
    server.client.post("/api/3.0/mlflow/workspaces", json={"name": "first"}).raise_for_status()
    pages = Pages(browser, server, [], admin)
    with closing(pages):
        context = pages.context()
        context.add_init_script(LOOK)
        page, log, metrics = (context.new_page() for _ in range(3))
        page.goto("/w/first/")
        page.get_by_role("button", name="Run the digits example").click()
        page.wait_for_url("**/jobs/*")
        page.evaluate(STATE)
        metrics.goto(f"{page.url}/metrics")
        metrics.evaluate(CHARTS)
        metrics.evaluate(POINTS)
        log.goto(f"{page.url}/logs")
        log.evaluate(LINES)
        expect(page.locator("#job-status")).to_contain_text("Completed", timeout=90_000)
        page.wait_for_timeout(1500)
        noted = page.evaluate("noted") | log.evaluate("noted") | metrics.evaluate("noted")
        return FirstRun(name=page.url.rsplit("/", 1)[1], at="/w/first", **noted)


@pytest.fixture
def strangers(browser, server) -> Iterator[Pages]:
    """Pages of somebody who is not signed in."""
    pages = Pages(browser, server, [])
    with closing(pages):
        yield pages


@pytest.fixture
def pages(browser, server, admin) -> Iterator[Pages]:
    """Pages of the administrator."""
    pages = Pages(browser, server, [], admin)
    with closing(pages):
        yield pages


@contextmanager
def closing(pages: Pages) -> Iterator[None]:
    yield
    for context in pages.contexts:
        context.close()
    assert not pages.complaints


@pytest.fixture
def page(pages) -> Page:
    return pages.context().new_page()
