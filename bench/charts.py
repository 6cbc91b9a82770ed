"""How quick the pages of charts are, in Chromium in front of a server of its own.

One run has 12,000 metric names of 20 points each; 50 runs have 10,000 points of one metric and are drawn over
one another. It prints how long it takes until charts are seen, how long frames take while the page is scrolled
to and fro, and how long one chart of all curves takes to be drawn. Run it with `make bench-charts`.
"""

import math
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.browser.conftest import password_of, sign_in  # noqa: E402
from tests.live.conftest import Server, start, stop  # noqa: E402

NAMES, STEPS = 12_000, 20
RUNS, POINTS = 50, 10_000
BEGUN = 1_700_000_000_000

SCROLL = """async () => {
  const frames = [];
  let last = performance.now();
  for (let turn = 0; turn < 60; turn += 1) {
    scrollTo(0, (turn * 293003) % document.documentElement.scrollHeight);
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return frames;
}"""
DRAW = """() => {
  const chart = document.querySelector("metric-chart");
  return Array.from({ length: 5 }, () => {
    const begun = performance.now();
    chart.shape = null;
    chart.draw();
    return performance.now() - begun;
  });
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder, "home"))
        try:
            wide, curves = fill_wide(server), [fill_curve(server, number) for number in range(RUNS)]
            with sync_playwright() as engine:
                browser = engine.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(base_url=server.url, viewport={"width": 1440, "height": 900}, bypass_csp=True)
                sign_in(page, "admin", password_of(server))
                expect(page.get_by_role("navigation", name="Main")).to_be_attached()
                look(page, wide, curves)
                browser.close()
        finally:
            stop(server)


def call(server: Server, path: str, **fields) -> dict:
    answer = server.client.post(f"/api/2.0/mlflow/runs/{path}", json=fields)
    answer.raise_for_status()
    return answer.json()


def new_run(server: Server, name: str) -> str:
    return call(server, "create", experiment_id="0", run_name=name)["run"]["info"]["run_id"]


def log(server: Server, run: str, points: list[dict]) -> None:
    for first in range(0, len(points), 1000):
        call(server, "log-batch", run_id=run, metrics=points[first : first + 1000])


def point(key: str, value: float, step: int) -> dict:
    return {"key": key, "value": value, "timestamp": BEGUN + step * 1000, "step": step}


def fill_wide(server: Server) -> str:
    run = new_run(server, "wide")
    names = [
        f"{('train', 'val', 'grad')[number % 3]}/layer{number // 48:03d}/m{number % 48}" for number in range(NAMES)
    ]
    for step in range(STEPS):
        log(server, run, [point(name, math.exp(-step / 8) + random.random() / 10, step) for name in names])
    return run


def fill_curve(server: Server, number: int) -> str:
    run = new_run(server, f"curve-{number}")
    rate = random.uniform(0.5, 2)
    values = [2 * math.exp(-step * rate / 3000) + random.gauss(0, 0.05) for step in range(POINTS)]
    log(server, run, [point("loss", value, step) for step, value in enumerate(values)])
    call(server, "update", run_id=run, status="FINISHED")
    return run


def look(page: Page, wide: str, curves: list[str]) -> None:
    print(f"{NAMES:,} names: first charts after {seconds_to_chart(page, f'/jobs/{wide}/metrics'):.2f} s")
    frames = sorted(page.evaluate(SCROLL))
    print(f"  frames while scrolling: median {statistics.median(frames):.0f} ms, slowest {frames[-1]:.0f} ms")
    begun = time.perf_counter()
    page.get_by_label("Search metrics").fill("layer12 train")
    expect(page.locator(".board-said")).to_contain_text("layer12 train")
    print(f"  search: {time.perf_counter() - begun:.2f} s")
    seconds = seconds_to_chart(page, f"/jobs/compare/charts?names={','.join(curves)}")
    print(f"{RUNS} runs of {POINTS:,} points: first chart after {seconds:.2f} s")
    print(f"  drawing it: {statistics.median(page.evaluate(DRAW)):.0f} ms")


def seconds_to_chart(page: Page, address: str) -> float:
    begun = time.perf_counter()
    page.goto(address)
    page.locator("metric-chart canvas").first.wait_for()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
