"""Code from git: a branch is fetched when a job starts, with a connection's credentials, and kept as it was then."""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.database import reading
from app.errors import Unavailable
from app.jobs import queries
from app.kit.storage import store
from workers.execution import repositories

pytestmark = [
    pytest.mark.parametrize("settings", ["sqlite"], indirect=True),
    pytest.mark.skipif(not shutil.which("git"), reason="git is not installed"),
]
WANTED = f"Basic {base64.b64encode(b'token:s3cr3t').decode()}"


class _Server(BaseHTTPRequestHandler):
    """git's own HTTP backend, for who knows the password."""

    root: Path

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != WANTED:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environ = {
            "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "PATH": os.environ["PATH"],
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environ, check=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            self.send_header(*line.split(": ", 1))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Iterator[str]:
    folder = _Server.root = tmp_path / "repositories"
    (folder / "train" / "src").mkdir(parents=True)
    (folder / "train" / "src" / "a.py").write_text("print(1)\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(folder / "train", *arguments)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/train"
    server.shutdown()
    server.server_close()


def test_a_branch_is_fetched_with_a_connection_and_kept(alice, settings, repository, tmp_path):
    code = f"git+{repository}@main#subdirectory=src"
    job = {"yaml": f"command: python a.py\nenvironment: azureml:pytorch-2.13-cpu@latest\ncode: {code}\n"}
    made = alice.post("/api/jobs", json=job)
    assert made.status_code == 201, made.text
    with reading() as session:
        job_id = queries.get(session, 1, made.json()["name"]).id
    with pytest.raises(Unavailable, match="could not be fetched"):
        repositories.fetch(job_id, 1, code, tmp_path)
    alice.post("/api/connections", json={
        "yaml": f"name: ours\ntype: git\ntarget: {repository}\ncredentials: {{type: pat, pat: s3cr3t}}\n"
    })  # fmt: skip
    key = repositories.fetch(job_id, 1, code, tmp_path)
    assert [entry.path for entry in store().walk(key)] == ["a.py"]
    commit = git(_Server.root / "train", "rev-parse", "HEAD")
    with reading() as session:
        found = queries.get(session, 1, made.json()["name"])
        tags = {tag.key: tag.value for tag in found.tags}
    assert (found.code, tags["mlflow.source.git.commit"], tags["mlflow.source.git.branch"]) == (key, commit, "main")
    assert not list(tmp_path.glob("scratch/*"))


def test_what_is_no_repository_is_refused(alice):
    for code in (
        "git+ssh://git@example.org/a",
        "git+https://example.org/a#subdirectory=../b",
        "git+https://e.org/a@-x",
    ):
        refused = alice.post("/api/jobs", json={"yaml": f"command: x\ncode: '{code}'\n"})
        assert (refused.status_code, refused.json()["target"]) == (400, "code"), refused.text
