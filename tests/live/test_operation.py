"""What operators script against: up, status, down, tokens, another worker, another database."""

import signal
import subprocess

import httpx
import psutil
from sqlalchemy import text

from app.settings import PROJECT
from tests.live.conftest import ATELIER, start, stop, wait_until

MEMORY_BYTES = 400 * 10**6


def _atelier(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([ATELIER, *arguments], capture_output=True, text=True, cwd=PROJECT, timeout=60, check=False)


def test_status_says_what_runs_and_down_ends_it(own_server):
    home = str(own_server.home)
    status = _atelier("status", "--home", home)
    assert status.returncode == 0 and own_server.url in status.stdout and "workers: 1" in status.stdout
    again = _atelier("up", "--home", home, "--port", "1")
    assert again.returncode == 1 and "runs in" in again.stderr
    family = psutil.Process(own_server.process.pid).children(recursive=True)
    assert _atelier("down", "--home", home).returncode == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []
    log = own_server.home / "atelier.db-wal"
    assert not log.exists() or log.stat().st_size == 0
    assert _atelier("status", "--home", home).returncode == 1
    assert _atelier("down", "--home", home).returncode == 0


def test_a_port_that_is_taken_is_named(server, tmp_path):
    answer = _atelier("up", "--home", str(tmp_path / "home"), "--port", str(server.port))
    assert answer.returncode == 1 and str(server.port) in answer.stderr and "--port" in answer.stderr


def test_a_token_is_all_that_is_printed_and_opens_the_api(server):
    answer = _atelier("token", "create", "--home", str(server.home), "--user", "admin", "--name", "script")
    (token,) = answer.stdout.splitlines()
    assert httpx.get(f"{server.url}/api/me", headers={"Authorization": f"Bearer {token}"}).json()["name"] == "admin"
    wrong = _atelier("token", "create", "--home", str(server.home), "--user", "nobody", "--name", "x")
    assert wrong.returncode == 1 and "nobody" in wrong.stderr and wrong.stdout == ""


def test_operators_can_watch_it(server):
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{server.url}/readyz").json()["status"] == "ready"
    assert "atelier_requests_total" in httpx.get(f"{server.url}/metrics").text
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    assert {"/api/jobs", "/api/data", "/api/models", "/api/online-endpoints"} <= set(paths)


def test_the_whole_of_it_idles_in_little_memory(own_server):
    family = [psutil.Process(own_server.process.pid), *psutil.Process(own_server.process.pid).children(recursive=True)]
    used = sum(process.memory_info().rss for process in family)
    assert used < MEMORY_BYTES, {process.name(): process.memory_info().rss for process in family}


def test_a_second_worker_joins_and_takes_over_when_the_first_stops(own_server):
    config = own_server.home / "atelier.toml"
    command = [ATELIER, "worker", "--server-config", config, "--slots", "1"]
    second = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(own_server.client.get("/api/compute").json()) == 2, 40)
        names = [own_server.run("sleep 1") for _ in range(6)]
        assert {own_server.wait_for(name)["status"] for name in names} == {"Completed"}
    finally:
        second.send_signal(signal.SIGTERM)
        second.wait(20)
    wait_until(lambda: len(own_server.client.get("/api/compute").json()) == 1, 20)


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
