"""How long the pages of the run table take over many runs with ten metrics, on SQLite, as a browser asks for them.

Of several requests the median counts. Run it with `python bench/run_table.py`.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from app.kit.marks import mark  # noqa: E402
from bench.filling import fill  # noqa: E402
from tests.live.conftest import start, stop  # noqa: E402

SEEDS = 10
PAGES = {
    "default view": {},
    "sorted by a metric": {"sort": "-metrics.m3"},
    "sorted by a parameter": {"sort": "params.p"},
    "filtered by a metric": {"filter": "metrics.m1 > 0.9", "sort": "metrics.m2"},
    "filtered by a parameter": {"filter": "params.p = '3'"},
    "grouped by a parameter": {"group": "params.p"},
    "grouped by a parameter, with a metric": {"group": "params.p", "metric": "m1"},
    "seeds grouped": {"group": "~seed"},
    "seeds grouped, with a metric": {"group": "~seed", "metric": "m1"},
    "the last page": {"page": "2000"},
}


def add_seeds(database: Path, experiment: int) -> None:
    """Make of every ten runs one configuration with a seed each."""
    connection = sqlite3.connect(database, timeout=60)
    with connection:
        ids = [id for (id,) in connection.execute("SELECT id FROM jobs WHERE experiment_id = ?", (experiment,))]
        for key in ("p", "q"):
            values = [(str(id // SEEDS % (10 if key == "p" else 1_000_000)), id, key) for id in ids]
            connection.executemany("UPDATE params SET value = ? WHERE job_id = ? AND key = ?", values)
        seeds = [(id, "seed", str(id % SEEDS)) for id in ids]
        connection.executemany("INSERT INTO params (job_id, key, value) VALUES (?, ?, ?)", seeds)
        digests = [(id, mark(f"p={id // SEEDS % 10}") ^ mark(f"q={id // SEEDS}")) for id in ids]
        connection.executemany("INSERT INTO configurations (job_id, digest) VALUES (?, ?)", digests)
    connection.close()


def measure(client: httpx.Client, query: dict[str, str], rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = client.get(f"/jobs?{urlencode(query)}")
        found.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        server = start(Path(folder))
        try:
            database = next(Path(folder).rglob("atelier.db"))
            add_seeds(database, fill(database, asked.runs))
            headers = {"Authorization": f"Bearer {server.token}"}
            with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
                measure(client, {}, 2)
                print(f"{asked.runs:,} runs, {SEEDS} seeds each; milliseconds a page (median, slowest)")
                for name, query in PAGES.items():
                    times = measure(client, query, asked.rounds)
                    print(f"{name:40} {statistics.median(times):8.0f} {max(times):8.0f}", flush=True)
        finally:
            stop(server)


if __name__ == "__main__":
    main()
