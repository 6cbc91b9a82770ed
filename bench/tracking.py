"""What clients log and read a second, beside MLflow's own server with SQLite, over plain HTTP.

Both servers run side by side with their defaults and take turns, so that a busy machine slows both.
Of several rounds the median counts. Run it with `make bench-tracking`.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from app.cli.home import free_port  # noqa: E402
from bench.filling import fill  # noqa: E402
from bench.wire import Wire  # noqa: E402
from tests.live.conftest import Server, start, stop  # noqa: E402
from tests.live.test_tracking_faults import Peak  # noqa: E402

ROOT = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
SEARCH = {"filter": "metrics.m1 > 0.5", "order_by": ["metrics.m2 DESC"]}


@dataclass(frozen=True)
class Sizes:
    rounds: int
    seconds: float
    runs: int
    many_runs: int
    points: int
    artifact_bytes: int
    large_bytes: int


FULL = Sizes(3, 5, 2000, 100_000, 10_000, 100 * 2**20, 5 * 2**30)
QUICK = Sizes(2, 2, 300, 20_000, 10_000, 20 * 2**20, 2**29)


@dataclass(frozen=True)
class Side:
    """One of the two servers; `experiment` holds what is logged, `searched` the runs to search."""

    port: int
    token: str
    experiment: str = ""

    def wire(self) -> Wire:
        return Wire(self.port, self.token)

    def new_run(self, wire: Wire) -> str:
        fields = {"experiment_id": self.experiment, "start_time": int(time.time() * 1000)}
        return wire.call("POST", f"{ROOT}/runs/create", fields)["run"]["info"]["run_id"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, smaller files, shorter turns")
    parser.add_argument("--only", nargs="*", choices=list(MEASURES), help="measure these only")
    parser.add_argument("--alone", action="store_true", help="leave MLflow's server out")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder, "home"))
        theirs = None if options.alone else start_mlflow(Path(folder, "mlflow"))
        try:
            sides = [_side(server.port, server.token)]
            sides += [_side(theirs[1], "")] if theirs else []
            for name in options.only or MEASURES:
                MEASURES[name](sides, sizes, server)
        finally:
            stop(server)
            if theirs:
                os.killpg(theirs[0].pid, signal.SIGTERM)
                theirs[0].wait()


def start_mlflow(folder: Path) -> tuple[subprocess.Popen, int]:
    """MLflow's server with its own defaults, of the environment that jobs run in; its process and port."""
    folder.mkdir()
    python = Path((PROJECT / ".environments" / ".curated").read_text().strip())
    port = free_port()
    arguments = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/files"]
    process = subprocess.Popen(
        [python, "-m", "mlflow", "server", *arguments, "--host", "127.0.0.1", "--port", str(port)],
        stdout=(folder / "log").open("w"),
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true"},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            Wire(port).send(Wire(port).request("GET", "/health"))
            return process, port
        except OSError:
            time.sleep(0.3)
    raise RuntimeError((folder / "log").read_text()[-3000:])


def _side(port: int, token: str) -> Side:
    fields = {"name": f"bench-{time.time()}"}
    experiment = Wire(port, token).call("POST", f"{ROOT}/experiments/create", fields)["experiment_id"]
    return Side(port, token, experiment)


def log_batch(sides: list[Side], sizes: Sizes, _server: Server) -> None:
    def turn(side: Side) -> float:
        wire = side.wire()
        run = side.new_run(wire)
        sent, started = 0, time.perf_counter()
        while time.perf_counter() - started < sizes.seconds:
            wire.send(wire.request("POST", f"{ROOT}/runs/log-batch", {"run_id": run, "metrics": points(sent)}))
            sent += 1000
        return sent / (time.perf_counter() - started)

    compare("log-batch, metrics a second", sides, sizes, turn, goal=20)


def points(first: int) -> list[dict]:
    """A thousand points: ten series of a hundred steps."""
    at = int(time.time() * 1000)
    return [
        {"key": f"m{number % 10}", "value": number * 0.5, "timestamp": at, "step": first // 10 + number // 10}
        for number in range(1000)
    ]


def log_metric(sides: list[Side], sizes: Sizes, _server: Server) -> None:
    def turn(side: Side) -> float:
        counts: list[int] = []
        threads = [threading.Thread(target=_log_singly, args=(side, sizes.seconds, counts)) for _ in range(8)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(counts) == len(threads)
        return sum(counts) / (time.perf_counter() - started)

    compare("log-metric, requests a second of 8 clients", sides, sizes, turn, goal=10)


def _log_singly(side: Side, seconds: float, counts: list[int]) -> None:
    wire = side.wire()
    run = side.new_run(wire)
    sent, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        metric = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1_700_000_000_000 + sent, "step": sent}
        wire.send(wire.request("POST", f"{ROOT}/runs/log-metric", metric))
        sent += 1
    counts.append(sent)


def search(sides: list[Side], sizes: Sizes, _server: Server) -> None:
    for side in sides:
        wire = side.wire()
        for number in range(sizes.runs):
            values = [
                {"key": f"m{index}", "value": (number * 7919 + index * 31) % 1000 / 1000, "timestamp": 1, "step": 0}
                for index in range(10)
            ]
            wire.call("POST", f"{ROOT}/runs/log-batch", {"run_id": side.new_run(wire), "metrics": values})

    for most in (100, 1000):
        compare(
            f"search of {sizes.runs:,} runs x 10 metrics, {most} shown at most, a second",
            sides,
            sizes,
            lambda side, most=most: _searches(side, most),
            goal=20,
        )


def _searches(side: Side, most: int) -> float:
    wire = side.wire()
    fields = SEARCH | {"experiment_ids": [side.experiment], "max_results": most}
    request = wire.request("POST", f"{ROOT}/runs/search", fields)
    return 1 / statistics.median(timed(lambda: wire.send(request), 10))


def search_many(sides: list[Side], sizes: Sizes, server: Server) -> None:
    experiment = fill(server.home / "atelier.db", sizes.many_runs)
    wire = sides[0].wire()
    asked = {
        "filter and order by metrics": SEARCH,
        "newest first": {},
        "a rare metric value": {"filter": "metrics.m3 > 0.999"},
        "filter by parameter": {"filter": "params.p = '3'", "order_by": ["metrics.m1 ASC"]},
    }
    for name, fields in asked.items():
        request = wire.request(
            "POST", f"{ROOT}/runs/search", fields | {"experiment_ids": [str(experiment)], "max_results": 100}
        )
        wire.send(request)
        took = sorted(timed(lambda request=request: wire.send(request), 40))
        print(
            f"search of {sizes.many_runs:,} runs, {name}: median {took[20] * 1000:.1f} ms, "
            f"p95 {took[37] * 1000:.1f} ms (goal: p95 under 100 ms)"
        )


def history(sides: list[Side], sizes: Sizes, _server: Server) -> None:
    runs = {}
    for side in sides:
        wire = side.wire()
        runs[side.port] = run = side.new_run(wire)
        for first in range(0, sizes.points, 1000):
            metrics = [
                {"key": "loss", "value": 1 / (step + 1), "timestamp": 1_700_000_000_000 + step, "step": step}
                for step in range(first, first + 1000)
            ]
            wire.call("POST", f"{ROOT}/runs/log-batch", {"run_id": run, "metrics": metrics})

    def turn(side: Side) -> float:
        wire = side.wire()
        path = f"{ROOT}/metrics/get-history?run_id={runs[side.port]}&metric_key=loss&max_results=25000"
        found = wire.call("GET", path)["metrics"]
        assert len(found) == sizes.points, len(found)
        request = wire.request("GET", path)
        return 1 / statistics.median(timed(lambda: wire.send(request), 8))

    compare(f"history of {sizes.points:,} points, a second", sides, sizes, turn, goal=10)


def artifacts(sides: list[Side], sizes: Sizes, _server: Server) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(os.urandom(sizes.artifact_bytes))
        file.flush()
        paths = {side.port: f"{FILES}/{side.experiment}/{side.new_run(side.wire())}/artifacts/big" for side in sides}

        def upload(side: Side) -> float:
            wire = side.wire()
            took = timed(lambda: wire.put_file(paths[side.port], Path(file.name)), 2)
            return sizes.artifact_bytes / 2**20 / min(took)

        def download(side: Side) -> float:
            wire = side.wire()
            took = timed(lambda: wire.get_size(paths[side.port]), 2)
            assert wire.get_size(paths[side.port]) == sizes.artifact_bytes
            return sizes.artifact_bytes / 2**20 / min(took)

        compare(f"upload of {sizes.artifact_bytes >> 20} MiB, MiB a second", sides, sizes, upload, goal=2)
        compare(f"download of {sizes.artifact_bytes >> 20} MiB, MiB a second", sides, sizes, download, goal=2)


def large_artifact(sides: list[Side], sizes: Sizes, server: Server) -> None:
    wire = sides[0].wire()
    path = f"{FILES}/{sides[0].experiment}/{sides[0].new_run(wire)}/artifacts/large"
    web = server.child("app.cli.web")
    before = web.memory_info().rss
    with tempfile.NamedTemporaryFile() as file, Peak(web) as peak:
        file.truncate(sizes.large_bytes)
        started = time.perf_counter()
        wire.put_file(path, Path(file.name))
        sent = time.perf_counter()
        assert wire.get_size(path) == sizes.large_bytes
        got = time.perf_counter()
    print(
        f"an artifact of {sizes.large_bytes / 2**30:.1f} GiB: up in {sent - started:.0f} s, down in "
        f"{got - sent:.0f} s; the web process grew by {(peak.bytes - before) >> 20} MiB to {peak.bytes >> 20} MiB"
    )


def timed(call: Callable[[], object], times: int) -> list[float]:
    """Seconds that each of some calls took."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
    return took


def compare(name: str, sides: list[Side], sizes: Sizes, turn: Callable[[Side], float], goal: float) -> None:
    rates: dict[int, list[float]] = {side.port: [] for side in sides}
    for _ in range(sizes.rounds):
        for side in sides:
            rates[side.port].append(turn(side))
    ours, *theirs = (statistics.median(rates[side.port]) for side in sides)
    line = f"{name}: Atelier {ours:,.1f}"
    if theirs:
        line += f", MLflow {theirs[0]:,.1f}, ratio {ours / theirs[0]:.1f} (goal: {goal})"
    print(line, flush=True)


MEASURES = {
    "log-batch": log_batch,
    "log-metric": log_metric,
    "search": search,
    "search-many": search_many,
    "history": history,
    "artifacts": artifacts,
    "large-artifact": large_artifact,
}

if __name__ == "__main__":
    main()
