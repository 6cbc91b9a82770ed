"""Interactive services: what is asked for, who may open what, and how the server passes requests on."""

import asyncio
import http.server
import json
import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import asyncssh
import pytest
from sqlalchemy import update
from starlette.websockets import WebSocketDisconnect

from app.database import transaction
from app.jobs import interactive, queries
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from tests.workers.execution.guests import wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKynEnsN69UrKZ5/P6yPzDTpKYf7IB+BzV0kjrwvuKhy me"
YAML = f"""\
name: watched
command: sleep 60
services:
  board: {{type: tensor_board, log_dir: logs}}
  lab: {{type: jupyter_lab}}
  editor: {{type: vs_code}}
  shell: {{type: ssh, ssh_public_keys: "{KEY}"}}
  nobody: {{type: ssh, ssh_public_keys: <paste the entire pub key content>}}
"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers what it was asked, as a page."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}}
        page = f"<html><head></head><body>{json.dumps(asked | {'body': body})}</body></html>".encode()
        self.send_response(200)
        for name, value in {
            "Content-Type": "text/html",
            "Content-Length": str(len(page)),
            "Set-Cookie": "atelier_session=stolen",
            "Content-Security-Policy": "default-src *",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


@pytest.fixture
def echo():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def run(name: str, port: int, **states: str) -> int:
    """Make a job a running one with these services."""
    with transaction() as session:
        job = queries.get(session, 1, name)
        session.execute(update(Job).where(Job.id == job.id).values(status=Status.RUNNING))
        kinds = {"board": ("tensor_board", port), "lab": ("jupyter_lab", port), "shell": ("ssh", port)}
        interactive.begin(session, job.id, socket.gethostname(), kinds)
        for service, state in states.items():
            interactive.tell(session, job.id, service, state, "It ended." if state == "Failed" else None)
        return job.id


def test_who_may_open_what(alice, bob, carol, stranger, echo, sent):
    submitted = carol.post("/api/jobs", json={"yaml": YAML}).json()
    editor, nobody = submitted["warnings"]
    assert "services.editor" in editor and "Remote-SSH" in editor
    assert "services.nobody" in nobody and "has no public key" in nobody
    assert alice.get("/api/jobs/watched/services").json() == []
    number = run("watched", echo, board="Running", lab="Running", shell="Running")
    told = alice.get("/api/jobs/watched/services").json()
    assert [(item["name"], item["type"], item["status"]) for item in told] == [
        ("board", "tensor_board", "Running"),
        ("lab", "jupyter_lab", "Running"),
        ("shell", "ssh", "Running"),
    ]
    # What leads to a shell is told to the one whose job it is.
    assert told[2]["properties"] == {}
    own = carol.get("/api/jobs/watched/services").json()[2]["properties"]
    assert own == {"ProxyEndpoint": f"ws://testserver{interactive.path_of(number, 'shell')}"}
    assert alice.get("/jobs/watched/services/shell/").status_code == 403
    page = carol.get("/jobs/watched/services/shell/")
    assert page.status_code == 400 and "atelier job connect-ssh --name watched" in page.text
    scope = "/subscriptions/x/resourceGroups/y/providers/Microsoft.MachineLearningServices/workspaces/default"
    shown = alice.get(f"/history/v1.0{scope}/runs/watched/serviceinstances/0").json()["instances"]["board"]
    assert (shown["type"], shown["status"]) == ("TensorBoard", "Running")
    assert shown["endpoint"].endswith("/jobs/watched/services/board/")
    opened = bob.get("/jobs/watched/services/board/", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, f"{interactive.path_of(number, 'board')}/")
    assert stranger.get("/jobs/watched/services/board/").status_code == 404
    assert carol.get("/jobs/watched/services/lab/", follow_redirects=False).status_code == 303
    assert alice.get("/jobs/watched/services/lab/", follow_redirects=False).status_code == 403
    assert alice.get("/jobs/watched/services/none/").status_code == 404
    fragment = bob.get("/jobs/watched/_services").text
    assert "/jobs/watched/services/board/" in fragment and "only carol may open it" in fragment
    run("watched", echo, board="Failed")
    failed = alice.get("/jobs/watched/services/board/")
    assert failed.status_code == 503 and "It ended." in failed.text


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_service_is_shown_in_an_origin_of_its_own_and_learns_nothing_of_its_viewer(alice, anonymous, echo, sent):
    alice.post("/api/jobs", json={"yaml": YAML})
    number = run("watched", echo, board="Running")
    address = f"{interactive.path_of(number, 'board')}/data/x?tag=a%2Fb"
    headers = {"Cookie": "atelier_session=secret", "Authorization": "Bearer mine", "Origin": "null"}
    answer = anonymous.post(address, content=b"runs", headers=headers)
    assert answer.status_code == 200, answer.text
    asked = json.loads(answer.text.partition("<body>")[2].partition("</body>")[0])
    assert (asked["path"], asked["body"]) == (address, "runs")
    assert "cookie" not in asked["headers"] and "origin" not in asked["headers"]
    assert asked["headers"]["authorization"] == f"token {interactive.token_of(number, 'board')}"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts") and "allow-same-origin" not in policy and "*" not in policy
    assert "set-cookie" not in answer.headers and answer.headers["access-control-allow-origin"] == "null"
    assert "<head><script>" in answer.text
    forged = address.replace(interactive.path_of(number, "board"), interactive.path_of(number + 1, "board"))
    assert anonymous.post(forged.replace(f"/{number + 1}/", f"/{number}/"), content=b"").status_code == 404
    preflight = anonymous.options(address, headers={"Access-Control-Request-Headers": "x-tensorboard"})
    assert preflight.status_code == 204 and preflight.headers["access-control-allow-headers"] == "x-tensorboard"


PROGRAM = Path("workers/execution/guest/services.py").resolve()


def test_services_run_beside_the_command_and_end_with_it(tmp_path):
    beside = {"port": 0, "package": "pip", "environ": {}, "folder": str(tmp_path / "logs"), "type": "", "python": ""}
    asked = {
        "command": f"until test -s {tmp_path}/a.log; do sleep 0.05; done; sleep 1; echo done; exit 5",
        "report": str(tmp_path / "report"),
        "services": [
            {"name": "a", "module": "http", "arguments": ["-m", "http.server", "0", "-d", "{folder}"], **beside},
            {"name": "b", "module": "json", "arguments": ["-m", "json.tool", "/nowhere"], **beside},
            {"name": "c", "module": "not_there", "arguments": [], **beside, "package": "tensorboard"},
        ],
    }
    for service in asked["services"]:
        service["log"] = str(tmp_path / f"{service['name']}.log")
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    command = [sys.executable, "-u", str(PROGRAM), str(tmp_path / "asked.json")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env={"PYTHONUNBUFFERED": "1"}, check=False
    )
    assert (done.returncode, done.stdout) == (5, "done\n"), done.stderr
    wait_until(lambda: (tmp_path / "report").exists(), seconds=5)
    errors = json.loads((tmp_path / "report").read_text())
    assert errors["c"] == "The environment has no tensorboard; add it to its packages."
    assert "No such file" in errors["b"] and (tmp_path / "logs").is_dir()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_websocket_is_a_tunnel_to_a_shell_and_a_browser_is_told_how_to_sign_in(alice, anonymous, sent):
    class Upper(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(self.request.recv(1024).upper())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        alice.post("/api/jobs", json={"yaml": YAML})
        path = interactive.path_of(run("watched", server.server_address[1], shell="Running"), "shell")
        with anonymous.websocket_connect(path) as tunnel:
            tunnel.send_bytes(b"ssh-2.0 \xff")
            assert tunnel.receive_bytes() == b"SSH-2.0 \xff"
            assert tunnel.receive()["code"] == 1000
        assert "atelier job connect-ssh" in anonymous.get(path).text
        with (
            pytest.raises(WebSocketDisconnect),
            anonymous.websocket_connect(f"{path[:-1]}{'0' if path[-1] != '0' else 1}"),
        ):
            pass
        server.shutdown()


@pytest.fixture
def signed_in(tmp_path):
    """A client of the SSH server that a job has, and the port it listens on."""
    own = asyncssh.generate_private_key("ssh-ed25519")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = {"port": port, "keys": [own.export_public_key().decode()]}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    command = [sys.executable, "-I", str(PROGRAM.with_name("ssh_server.py")), str(tmp_path / "asked.json")]
    server = subprocess.Popen(command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "JOB": "mine"})
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, seconds=20)
    yield own, port
    server.kill()
    server.wait()


def test_who_has_the_key_is_the_job_and_nobody_else_gets_in(signed_in, tmp_path):
    own, port = signed_in

    async def use() -> None:
        way = {"host": "127.0.0.1", "port": port, "known_hosts": None, "config": None, "agent_path": None}
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(**way, username="me", client_keys=[asyncssh.generate_private_key("ssh-ed25519")])
        async with asyncssh.connect(**way, username="azureuser", client_keys=[own]) as client:
            done = await client.run("pwd; echo $JOB; cat; echo no >&2; exit 7", input="typed\n")
            assert (done.stdout, done.stderr, done.exit_status) == (f"{tmp_path}\nmine\ntyped\n", "no\n", 7)
            much = await client.run("head -c 3000000 /dev/zero | tr '\\0' x")
            assert len(much.stdout) == 3_000_000
            killed = await client.run("kill -9 $$")
            assert killed.exit_signal[0] == "KILL"
            # `exit` as typed in a terminal of this size.
            shell = await client.run(term_type="xterm", term_size=(90, 30), input="stty size; exit\n")
            assert "30 90" in shell.stdout and shell.exit_status == 0
            async with client.start_sftp_client() as files:
                assert "asked.json" in await files.listdir()
            with pytest.raises(asyncssh.ChannelOpenError):
                await client.open_connection("10.0.0.1", 22)

    asyncio.run(use())
