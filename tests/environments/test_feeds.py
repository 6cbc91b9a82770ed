"""Private package feeds: a connection opens the index that an environment names, and nothing else."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.database import reading
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec
from app.jobs import queries
from tests.environments.test_builder import wheels as wheels
from workers.execution import environments

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
PASSWORD = "s3cr3t-value"
WANTED = f"Basic {base64.b64encode(f'token:{PASSWORD}'.encode()).decode()}"


class _Feed(BaseHTTPRequestHandler):
    """A simple index of one package for who knows the password."""

    folder: Path

    def do_GET(self) -> None:
        body, status = b"", 401
        if self.headers.get("Authorization") == WANTED:
            wheel = next(self.folder.glob("*.whl"))
            status = 200
            body = wheel.read_bytes() if self.path.endswith(".whl") else f'<a href="{wheel.name}">x</a>'.encode()
        self.send_response(status)
        self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def feed(wheels) -> Iterator[str]:
    _Feed.folder = wheels
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Feed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


def test_a_connection_opens_the_index_that_an_environment_names(alice, settings, feed, tmp_path):
    settings.environments_folder = tmp_path / "environments"
    pip = [f"--index-url {feed}", "atelier-probe"]
    job = {"yaml": f"command: x\nenvironment: {{name: own, conda_file: {{dependencies: [{{pip: {pip}}}]}}}}\n"}

    def spec() -> EnvironmentSpec:
        name = alice.post("/api/jobs", json=job).json()["name"]
        with reading() as session:
            return EnvironmentSpec.from_dict(queries.get(session, 1, name).environment)

    closed, lines = spec(), []
    with pytest.raises(EnvironmentBuildFailed):
        environments.build(closed, settings, lines.append)
    secret = f"credentials: {{type: pat, pat: {PASSWORD}}}\n"
    for name, target in (("elsewhere", "https://pypi.example.org/simple"), ("ours", feed)):
        made = alice.post(
            "/api/connections", json={"yaml": f"name: {name}\ntype: python_feed\ntarget: {target}\n{secret}"}
        )
        assert made.status_code == 201, made.text
    opened = spec()
    assert (closed.feeds, opened.feeds) == ((), ("1/ours",))
    python = environments.build(opened, settings, lines.append)
    assert list(python.parent.parent.glob("lib/*/site-packages/atelier_probe.py"))
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert not kept and not any(PASSWORD in line for line in lines)
