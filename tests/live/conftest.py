"""A real server: `atelier up` in a home of its own, with its Redis and its Celery worker."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from app.access.guard import csrf_token
from app.access.identity import COOKIE
from app.cli.home import free_port
from app.settings import PROJECT

ATELIER = Path(sys.executable).with_name("atelier")


@dataclass
class Server:
    """A running `atelier up`; `said` is what it printed until it was ready."""

    home: Path
    port: int
    process: subprocess.Popen
    said: str
    token: str
    started_in: float
    extra: dict = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> httpx.Client:
        if "client" not in self.extra:
            headers = {"Authorization": f"Bearer {self.token}"}
            self.extra["client"] = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        return self.extra["client"]

    def child(self, words: str) -> psutil.Process:
        """The process that the server started whose command line holds `words`."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            # Some of them end while we look.
            with suppress(psutil.NoSuchProcess):
                found += [child] if words in " ".join(child.cmdline()) else []
        assert found, f"no process with {words!r}"
        return found[0]

    def submit(self, text: str, **uploads: str) -> dict:
        answer = self.client.post("/api/jobs", json={"yaml": text, "uploads": uploads})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def run(self, command: str, **fields) -> str:
        """Submit a command with further fields of a job file; returns the job's name."""
        return self.submit(yaml.safe_dump({"command": command, **fields}))["name"]

    def job(self, name: str) -> dict:
        answer = self.client.get(f"/api/jobs/{name}")
        answer.raise_for_status()
        return answer.json()

    def log(self, name: str, file: str = "user_logs/std_log.txt") -> str:
        return self.client.get(f"/api/jobs/{name}/logs", params={"file": file}).text

    def wait_for(self, name: str, *states: str, seconds: float = 90) -> dict:
        """The job once it is in one of `states`, by default at its end."""
        wanted = states or ("Completed", "Failed", "Canceled")
        wait_until(lambda: self.job(name)["status"] in wanted, seconds, lambda: f"{self.job(name)}\n{self.log(name)}")
        return self.job(name)


def wait_until(holds: Callable[[], bool], seconds: float = 30, describe: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"it did not come about within {seconds} seconds. {describe()}")


def start(home: Path, *options: str, port: int | None = None) -> Server:
    """Start a server and wait until it says that it is ready."""
    port = port or free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        [ATELIER, "up", "--home", home, "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env=_environ(),
    )
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("  Started in"):
            break
    assert f"Atelier is ready at http://127.0.0.1:{port}" in said, said + _logs(home)
    seconds = time.monotonic() - started
    token = _token(f"http://127.0.0.1:{port}", said)
    return Server(home, port, process, said, token, seconds)


def _token(url: str, said: str) -> str:
    """A token of the administrator's, with the password of the first start or the link of a later one."""
    password = re.search(r"with the password\s+(\S+)", said)
    with httpx.Client(base_url=url, timeout=30) as client:
        if password:
            client.post("/sign-in", data={"name": "admin", "password": password[1]})
        else:
            client.post("/sign-in/link", data={"token": re.search(r"link\?token=(\S+)", said)[1]})
        headers = {"X-CSRF-Token": csrf_token(client.cookies[COOKIE])}
        answer = client.post("/api/tokens", json={"name": "test"}, headers=headers)
        answer.raise_for_status()
        return answer.json()["token"]


def _logs(home: Path) -> str:
    return "\n".join(f"== {path}\n{path.read_text()[-3000:]}" for path in (home / "logs").glob("*"))


def _environ() -> dict[str, str]:
    """Of a machine whose ATELIER_HOME is another one than the home that is named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATELIER_", "MLFLOW_"))}
    return kept | {"ATELIER_HOME": "/proc/no-home"}


def stop(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)
    try:
        server.process.wait(40)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for all live tests that do it no harm."""
    running = start(tmp_path_factory.mktemp("live") / "home")
    yield running
    stop(running)


@pytest.fixture(scope="session")
def _harmed(tmp_path_factory) -> Iterator[list[Server]]:
    running = [start(tmp_path_factory.mktemp("harmed") / "home")]
    yield running
    stop(running[0])


@pytest.fixture
def harmed(_harmed) -> Server:
    """A server that tests may harm: each gets it well again, and started anew if the one before ended it."""
    server = _harmed[0]
    if server.process.poll() is not None:
        server = _harmed[0] = start(server.home, port=server.port)
    wait_until(lambda: is_well(server), 60)
    return server


def is_well(server: Server) -> bool:
    """Whether all that a server needs answers."""
    return server.client.get("/readyz").json()["status"] == "ready"


@pytest.fixture(scope="session")
def environment() -> Path:
    """The interpreter of the curated environment, in which the unmodified mlflow client is."""
    named = os.environ.get("ATELIER_TEST_ENVIRONMENT")
    if not named or not Path(named).exists():
        pytest.skip("the curated environment is not built: run `make test`")
    return Path(named)


@pytest.fixture
def in_environment(server, environment, tmp_path) -> Callable[[str], str]:
    """Runs a script in the curated environment as a user would, with the server's address and token."""

    def run(script: str, workspace: str = "") -> str:
        environ = {
            "PATH": f"{environment.parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "MLFLOW_TRACKING_URI": server.url + workspace,
            "MLFLOW_TRACKING_TOKEN": server.token,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        answer = subprocess.run(
            [environment, "-c", script],
            capture_output=True,
            text=True,
            env=environ,
            cwd=tmp_path,
            timeout=150,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    return run
