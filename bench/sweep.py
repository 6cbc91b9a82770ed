"""A sweep of a thousand trials that may all run at once, through one worker: how long until all are queued and over.

Each trial is a trivial command, which is over sooner than the next one starts; with `--seconds 60` each lasts, so that
all run at once where there are as many slots. Prints the seconds and the most memory that the processes of the server
took. Run it alone. `--trials 100` is a short form of it.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.live.conftest import Server, start, stop  # noqa: E402

ENDS = ("Completed", "Failed", "Canceled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder, "home"), "--slots", str(options.slots))
        try:
            # The environment and the metadata of everything are there before it counts.
            run(server, sweep(1, 0), Memory(server))
            memory = Memory(server)
            report(options, *run(server, sweep(options.trials, options.seconds), memory), memory)
        finally:
            stop(server)


def sweep(trials: int, seconds: int) -> dict:
    return {
        "type": "sweep",
        "trial": {"command": f"sleep {seconds}; echo ${{{{search_space.x}}}}"},
        "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "sampling_algorithm": "random",
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "limits": {"max_total_trials": trials, "max_concurrent_trials": trials},
    }


class Memory:
    """The most that the server's processes held, and how many they were, looked at while something runs."""

    def __init__(self, server: Server) -> None:
        self._process = psutil.Process(server.process.pid)
        self.most_bytes, self.most_processes = 0, 0

    def look(self, over: threading.Event) -> None:
        while not over.wait(0.5):
            held = []
            for process in self._process.children(recursive=True):
                try:
                    held.append(process.memory_info().rss - process.memory_info().shared)
                except psutil.Error:
                    continue
            self.most_bytes = max(self.most_bytes, sum(held))
            self.most_processes = max(self.most_processes, len(held))


def run(server: Server, definition: dict, memory: Memory) -> tuple[float, float, int]:
    """Seconds until all trials were there, and until all were over; and how many completed."""
    over, started, there = threading.Event(), time.monotonic(), None
    threading.Thread(target=memory.look, args=(over,), daemon=True).start()
    name = server.submit(yaml.safe_dump(definition))["name"]
    wanted = definition["limits"]["max_total_trials"]
    while True:
        counts = server.client.get(f"/api/jobs/{name}/trials", params={"size": 1}).json()
        if there is None and counts["total"] == wanted:
            there = time.monotonic() - started
        if server.job(name)["status"] in ENDS:
            break
        time.sleep(0.5)
    over.set()
    return there or 0.0, time.monotonic() - started, completed(server, name)


def completed(server: Server, name: str) -> int:
    """How many trials completed; the sweep itself fails, as such trials log no metric."""
    count, page = 0, 1
    while rows := server.client.get(f"/api/jobs/{name}/trials", params={"page": page, "size": 500}).json()["value"]:
        count, page = count + sum(row["status"] == "Completed" for row in rows), page + 1
    return count


def report(options: argparse.Namespace, there: float, seconds: float, done: int, memory: Memory) -> None:
    print(
        f"{options.trials} trials, {options.slots} slots: all there after {there:.1f} s, all over after {seconds:.1f} s"
    )
    print(f"{done} completed; {seconds / options.trials * 1000:.0f} ms a trial")
    print(f"the server's processes: at most {memory.most_processes}, {memory.most_bytes / 2**20:.0f} MB of their own")


if __name__ == "__main__":
    main()
