"""What holds for every page: a title and one heading, nothing wider than the window, the current tab in
view, no complaint of the browser.
"""

import pytest

PAGES = [
    "/",
    "/data",
    "/data/new",
    "/data/digits/versions/1",
    "/data/digits/versions/1/preview",
    "/data/digits/versions/1/files",
    "/data/digits/versions/1/lineage",
    "/jobs",
    "/jobs/new",
    "/schedules",
    "/schedules/new",
    "/experiments",
    "/experiments/0",
    *(f"/jobs/JOB{tab}" for tab in ("", "/metrics", "/images", "/outputs", "/logs", "/code", "/lineage", "/yaml")),
    "/evaluation",
    "/evaluation/scorers",
    "/components",
    "/components/new",
    "/traces",
    "/reviews",
    "/environments",
    "/environments/pytorch-2.13-cpu",
    "/models",
    "/models/new",
    "/endpoints",
    "/endpoints/new",
    "/compute",
    "/access",
    "/access/roles",
    "/access/new",
    "/account",
    "/account/tokens",
    "/audit",
    "/workspaces",
]
WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('body *')]
    .filter((node) => node.getBoundingClientRect().right > wide + 1)
    .map((node) => `${node.nodeName} ${node.className}`).slice(0, 5);
}"""
TAB_OUT_OF_VIEW = """() => [...document.querySelectorAll('.tabs [aria-current=page]')].filter((tab) => {
  const [own, all] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
  return own.left < all.left - 1 || own.right > all.right + 1;
}).map((tab) => tab.textContent)"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_every_page_is_whole(pages, first_run, width, theme):
    page = pages.context(viewport={"width": width, "height": 900}, color_scheme=theme).new_page()
    wrong = []
    for address in PAGES:
        answer = page.goto(address.replace("/jobs/JOB", f"{first_run.at}/jobs/{first_run.name}"))
        wrong += [f"{address}: answered {answer.status}"] if answer.status != 200 else []
        headings = page.locator("h1").count()
        wrong += [f"{address}: {headings} headings"] if headings != 1 else []
        wrong += [f"{address}: the title is {page.title()!r}"] if "Atelier" not in page.title() else []
        wrong += [f"{address}: wider than the window: {found}" for found in [page.evaluate(WIDER)] if found]
        wrong += [f"{address}: the current tab is out of view: {tab}" for tab in page.evaluate(TAB_OUT_OF_VIEW)]
    assert not wrong, "\n".join(wrong)


def test_a_page_that_is_not_there_says_so_in_the_same_frame(page):
    answer = page.goto("/jobs/never-was")
    assert answer.status == 404
    assert page.locator("h1").count() == 1
    assert page.get_by_role("navigation", name="Main").is_visible()
