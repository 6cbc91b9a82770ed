"""What operators script against: up, status, down, tokens, another worker, another database."""

import signal
import subprocess
import tomllib
from collections.abc import Iterator

import httpx
import psutil
import pytest
from sqlalchemy import text

from app.settings import PROJECT
from tests.live.conftest import ATELIER, Server, start, stop, wait_until

MEMORY_BYTES = 350 * 10**6


def _atelier(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([ATELIER, *arguments], capture_output=True, text=True, cwd=PROJECT, timeout=60, check=False)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Iterator[Server]:
    """A server on which nothing was done; the last of its tests end it."""
    running = start(tmp_path_factory.mktemp("fresh") / "home")
    yield running
    stop(running)


def test_the_whole_of_it_idles_in_little_memory(fresh):
    # Of all, the gateway starts last.
    port = tomllib.loads((fresh.home / "atelier.toml").read_text())["scoring_port"]
    wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").is_success)
    family = [psutil.Process(fresh.process.pid), *psutil.Process(fresh.process.pid).children(recursive=True)]
    # The libraries that the processes share are counted once.
    held = {process.pid: process.memory_full_info().pss for process in family}
    assert sum(held.values()) < MEMORY_BYTES, held


def test_status_says_what_runs_and_down_ends_it(fresh):
    home = str(fresh.home)
    status = _atelier("status", "--home", home)
    assert status.returncode == 0 and fresh.url in status.stdout and "workers: 1" in status.stdout
    again = _atelier("up", "--home", home, "--port", "1")
    assert again.returncode == 1 and "runs in" in again.stderr
    family = psutil.Process(fresh.process.pid).children(recursive=True)
    assert len(family) >= 3
    assert _atelier("down", "--home", home).returncode == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []
    log = fresh.home / "atelier.db-wal"
    assert not log.exists() or log.stat().st_size == 0
    assert _atelier("status", "--home", home).returncode == 1
    assert _atelier("down", "--home", home).returncode == 0


def test_a_second_start_makes_no_second_password_and_ctrl_c_leaves_no_orphan(fresh):
    stop(fresh)
    server = start(fresh.home)
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert "password" in fresh.said and "password" not in server.said
    stop(server)
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert server.process.returncode == 0


def test_a_port_that_is_taken_is_named(server, tmp_path):
    answer = _atelier("up", "--home", str(tmp_path / "home"), "--port", str(server.port))
    assert answer.returncode == 1 and str(server.port) in answer.stderr and "--port" in answer.stderr


def test_a_token_is_all_that_is_printed_and_opens_the_api(server):
    answer = _atelier("token", "create", "--home", str(server.home), "--user", "admin", "--name", "script")
    (token,) = answer.stdout.splitlines()
    assert httpx.get(f"{server.url}/api/me", headers={"Authorization": f"Bearer {token}"}).json()["name"] == "admin"
    wrong = _atelier("token", "create", "--home", str(server.home), "--user", "nobody", "--name", "x")
    assert wrong.returncode == 3 and "nobody" in wrong.stderr and wrong.stdout == ""


def test_operators_can_watch_it(server):
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{server.url}/readyz").json()["status"] == "ready"
    assert "atelier_requests_total" in httpx.get(f"{server.url}/metrics").text
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    assert {"/api/jobs", "/api/data", "/api/models", "/api/online-endpoints"} <= set(paths)


def test_a_second_worker_joins_and_takes_over_when_the_first_stops(harmed):
    wait_until(lambda: len(harmed.client.get("/api/compute").json()) == 1, 60)
    config = harmed.home / "atelier.toml"
    command = [ATELIER, "worker", "--server-config", config, "--slots", "1"]
    second = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(harmed.client.get("/api/compute").json()) == 2, 40)
        names = [harmed.run("sleep 1") for _ in range(6)]
        assert {harmed.wait_for(name)["status"] for name in names} == {"Completed"}
    finally:
        second.send_signal(signal.SIGTERM)
        second.wait(20)
    wait_until(lambda: len(harmed.client.get("/api/compute").json()) == 1, 20)


def test_it_runs_on_postgresql_as_on_sqlite(postgresql, tmp_path):
    url, _, administration = postgresql
    administration.execute(text("CREATE DATABASE live"))
    address = url.set(database="live").render_as_string(hide_password=False)
    server = start(tmp_path / "home", "--database-url", address)
    try:
        assert not (server.home / "atelier.db").exists()
        name = server.run("echo on postgresql")
        assert server.wait_for(name)["status"] == "Completed"
        assert server.log(name) == "on postgresql\n"
        server.child("app.cli.web").kill()
        wait_until(lambda: server.job(name)["status"] == "Completed")
    finally:
        stop(server)
