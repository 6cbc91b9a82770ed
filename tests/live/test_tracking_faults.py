"""What is logged survives the death of the server, and a large file passes through little memory."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import psutil

from tests.live.conftest import Server, start, stop, wait_until

ROOT = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
MEBIBYTE = 2**20


@dataclass
class Load:
    """Clients that each log into a run of their own until told to stop; `acknowledged` are the steps answered 200."""

    server: Server
    clients: int
    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Load":
        for _ in range(self.clients):
            run = new_run(self.server.client)
            self.acknowledged[run] = []
            self.threads.append(threading.Thread(target=self._log, args=(run,)))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _log(self, run: str) -> None:
        step = 0
        with httpx.Client(base_url=self.server.url, headers=self.server.client.headers, timeout=10) as client:
            while not self.stopped.is_set():
                step += 1
                metric = {"run_id": run, "key": "loss", "value": step / 7, "timestamp": step, "step": step}
                try:
                    if client.post(f"{ROOT}/runs/log-metric", json=metric).status_code == 200:
                        self.acknowledged[run].append(step)
                except httpx.TransportError:
                    time.sleep(0.05)

    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def lost(self) -> dict[str, set[int]]:
        """Steps that were acknowledged and are not there."""
        found = {}
        for run, steps in self.acknowledged.items():
            query = {"run_id": run, "metric_key": "loss"}
            points = self.server.client.get(f"{ROOT}/metrics/get-history", params=query).json()["metrics"]
            stored = {point["step"]: point["value"] for point in points}
            assert all(value == step / 7 for step, value in stored.items())
            if missing := set(steps) - stored.keys():
                found[run] = missing
        return found


def new_run(client: httpx.Client) -> str:
    answer = client.post(f"{ROOT}/runs/create", json={"experiment_id": "0"})
    answer.raise_for_status()
    return answer.json()["run"]["info"]["run_id"]


def test_a_web_process_killed_under_load_loses_nothing_that_it_acknowledged(harmed):
    with Load(harmed, clients=6) as load:
        for _ in range(2):
            before = load.count()
            wait_until(lambda before=before: load.count() > before + 100, 60)
            harmed.child("app.cli.web").kill()
        before = load.count()
        wait_until(lambda: load.count() > before + 50, 60)
    assert load.lost() == {}


def test_a_server_killed_as_a_whole_under_load_loses_nothing_that_it_acknowledged(harmed):
    with Load(harmed, clients=6) as load:
        wait_until(lambda: load.count() > 200, 60)
        family = [psutil.Process(harmed.process.pid), *psutil.Process(harmed.process.pid).children(recursive=True)]
        for process in family:
            process.kill()
    harmed.process.wait()
    psutil.wait_procs(family, timeout=15)
    again = load.server = start(harmed.home, port=harmed.port)
    try:
        assert load.lost() == {}
        assert load.count() > 200
    finally:
        stop(again)


def test_a_large_artifact_passes_through_little_memory(server):
    size = 300 * MEBIBYTE
    run = new_run(server.client)
    query = {"run_id": run}
    uri = server.client.get(f"{ROOT}/runs/get", params=query).json()["run"]["info"]["artifact_uri"]
    address = f"{FILES}/{uri.removeprefix('mlflow-artifacts:/')}/large.bin"
    web = server.child("app.cli.web")
    before = web.memory_info().rss
    sent, received = hashlib.sha256(), hashlib.sha256()
    with Peak(web) as peak:
        answer = server.client.put(address, content=_pieces(size, sent.update), timeout=120)
        assert answer.status_code == 200, answer.text
        with server.client.stream("GET", address, timeout=120) as answer:
            assert int(answer.headers["content-length"]) == size
            for piece in answer.iter_bytes(MEBIBYTE):
                received.update(piece)
    assert received.digest() == sent.digest()
    assert peak.bytes - before < 60 * MEBIBYTE


def _pieces(size: int, seen: Callable[[bytes], object]) -> Iterator[bytes]:
    for number in range(size // MEBIBYTE):
        piece = number.to_bytes(8, "little") * (MEBIBYTE // 8)
        seen(piece)
        yield piece


class Peak:
    """The most memory that a process holds while the block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self.process = process
        self.bytes = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Peak":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopped.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.stopped.wait(0.02):
            self.bytes = max(self.bytes, self.process.memory_info().rss)
