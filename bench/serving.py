"""Requests a second and latency of one-row requests, beside four other servers, on three models.

FastAPI, `mlflow models serve`, LitServe and BentoML (both with their batching) serve the same models from
environments of their own, one after the other, each with one process for the model; a load generator in a process of
its own keeps 1, 16 and 64 connections busy. `constant` is what the gateway reaches with an answer that needs nothing,
to a request with the same headers and body; `its own server` is the scoring server of the model that is not compiled,
asked without the gateway, so that what is more in `not compiled` is routing, keys and counting.
Run it with `make bench-serving`; `--models`, `--peers` and `--seconds` make it shorter.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from app import database  # noqa: E402
from app.cli.home import free_port  # noqa: E402
from app.endpoints.gateway import Upstream  # noqa: E402
from app.endpoints.serving import read_routes  # noqa: E402
from app.kit import crypto  # noqa: E402
from app.settings import current  # noqa: E402
from tests.live.conftest import Server, start, stop  # noqa: E402

PEERS = Path(__file__).resolve().parent / "peers"
ENVIRONMENTS = PROJECT / ".environments"
CONNECTIONS = (1, 16, 64)
READY_SECONDS = 120
OURS = ("Atelier", "constant", "not compiled", "its own server")
ROW = [[round(0.1 * place - 1, 1) for place in range(20)]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["mlp", "forest", "logistic"])
    parser.add_argument("--peers", nargs="*", default=["fastapi", "mlflow", "litserve", "bentoml"])
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = ENVIRONMENTS / "bench-serving" / "bin" / "python"
        subprocess.run([python, PEERS / "models.py", folder], check=True, stdout=subprocess.DEVNULL)
        found = {model: {peer: peer_of(peer, model, folder, options.seconds) for peer in options.peers}
                 for model in options.models}  # fmt: skip
        ours(found, folder, options.seconds)
    for model, servers in found.items():
        report(model, servers)


def request(port: int, path: str, header: str = "", method: str = "POST") -> bytes:
    said = json.dumps({"inputs": ROW}).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n" + (f"{header}\r\n" if header else "")
    return f"{head}content-type: application/json\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said


def load(port: int, sent: bytes, seconds: float) -> dict[int, dict]:
    """What the generator measured, by the number of connections."""
    measured = {}
    for connections in CONNECTIONS:
        command = [sys.executable, str(PEERS.parent / "load.py"), str(port), str(connections), str(seconds)]
        ended = subprocess.run(command, input=sent, capture_output=True, check=True)
        measured[connections] = json.loads(ended.stdout)
        assert not measured[connections]["failed"], (port, measured)
    return measured


def peer_of(peer: str, model: str, folder: Path, seconds: float) -> dict[int, dict]:
    port = free_port()
    home = ENVIRONMENTS / ("bench-bentoml" if peer == "bentoml" else "bench-serving") / "bin"
    path, environ = "/predict", {"BENCH_MODEL": model, "BENCH_FOLDER": str(folder)}
    command = [str(home / "python"), str(PEERS / f"{peer}_server.py"), model, str(folder), str(port)]
    if peer == "mlflow":
        path = "/invocations"
        served = ["models", "serve", "-m", str(folder / model), "--env-manager", "local", "-p", str(port), "-w", "1"]
        command = [str(home / "mlflow"), *served]
    elif peer == "bentoml":
        served = [
            "serve",
            "bentoml_service:Model",
            "--working-dir",
            str(PEERS),
            "--port",
            str(port),
            "--api-workers",
            "1",
        ]
        command = [str(home / "bentoml"), *served]
    environ = {**os.environ, **environ, "PATH": f"{home}:{os.environ['PATH']}", "BENTOML_DO_NOT_TRACK": "true"}
    environ.pop("PYTHONPATH", None)
    with running(command, environ, folder):
        sent = request(port, path)
        # A request that is given up while LitServe loads its model is never answered, nor is any after it.
        time.sleep(15 if peer == "litserve" else 0)
        wait(port, sent)
        return load(port, sent, seconds)


@contextmanager
def running(command: list[str], environ: dict, folder: Path):
    with (folder / "peer.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    except BaseException:
        print((folder / "peer.log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def wait(port: int, sent: bytes) -> None:
    deadline = time.monotonic() + READY_SECONDS
    said = b""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(sent)
                said = connection.recv(65536)
                if said.split(b" ")[1:2] == [b"200"]:
                    return
        except OSError:
            pass
        time.sleep(0.3)
    raise TimeoutError(f"no answer on port {port}: {said!r}")


def ours(found: dict, folder: Path, seconds: float) -> None:
    server = start(folder / "home")
    try:
        for model, servers in found.items():
            uri, key = deploy(server, folder, model)
            port = int(uri.split(":")[2].split("/")[0])
            bearer = f"authorization: Bearer {key}"
            servers["constant"] = load(port, request(port, "/healthz", bearer, "GET"), seconds)
            sent = request(port, f"/endpoints/{model}/score", bearer)
            servers["Atelier"] = load(port, sent, seconds)
            page = f"/endpoints/{model}/deployments/blue/compilation"
            assert server.client.post(page, data={"on": "false"}).status_code == 303
            time.sleep(3)
            servers["not compiled"] = load(port, sent, seconds)
            alone = upstream_of(folder / "home", model)
            port = int(alone.address.rpartition(":")[2])
            sent = request(port, "/score", f"x-atelier-instance-key: {alone.key}")
            servers["its own server"] = load(port, sent, seconds)
    finally:
        stop(server)


def upstream_of(home: Path, model: str) -> Upstream:
    """Where the model's scoring server listens, and its key."""
    os.environ["ATELIER_CONFIG"] = str(home / "atelier.toml")
    settings = current()
    database.bind(database.connect(settings.database))
    crypto.connect(settings.secret_key)
    return next(route.deployments["blue"][0] for route in read_routes() if route.endpoint == model)


def deploy(server: Server, folder: Path, model: str) -> tuple[str, str]:
    """The address and a key of an endpoint whose deployment is compiled."""
    atelier = [sys.executable, "-m", "app.cli.main"]
    environ = {**os.environ, "ATELIER_URL": server.url, "ATELIER_TOKEN": server.token, "PYTHONPATH": str(PROJECT)}
    endpoint, deployment = folder / "endpoint.yml", folder / "deployment.yml"
    endpoint.write_text(f"name: {model}\nauth_mode: key\n")
    deployment.write_text(
        f"name: blue\nendpoint_name: {model}\nmodel: azureml:{model}:1\ninstance_count: 1\n"
        "request_settings: {request_timeout_ms: 30000, max_concurrent_requests_per_instance: 1}\n"
    )
    for arguments in (
        ["model", "create", "-n", model, "--type", "mlflow_model", "--path", str(folder / model)],
        ["online-endpoint", "create", "-f", str(endpoint)],
        ["online-deployment", "create", "-f", str(deployment), "--all-traffic"],
    ):
        subprocess.run([*atelier, *arguments], env=environ, check=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + READY_SECONDS
    while (state := _compilation(server, model)) is None and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state and state["state"] == "compiled", state
    time.sleep(3)
    keys = server.client.get(f"/api/online-endpoints/{model}/keys").json()
    return server.client.get(f"/api/online-endpoints/{model}").json()["scoring_uri"], keys["primaryKey"]


def _compilation(server: Server, model: str) -> dict | None:
    return server.client.get(f"/api/online-endpoints/{model}/deployments/blue").json()["compilation"]


def report(model: str, servers: dict[str, dict[int, dict]]) -> None:
    print(f"\n{model}\n{'':14}" + "".join(f"{count:>10} connections      " for count in CONNECTIONS))
    for name, measured in servers.items():
        cells = (
            f"{found['requests'] / found['seconds']:>8.0f}/s {found['p50_ms']:>6.2f} {found['p99_ms']:>7.2f} ms"
            for found in measured.values()
        )
        print(f"{name:14}" + "  ".join(cells))
    peers = [name for name in servers if name not in OURS]
    for one, others, title in (
        ("Atelier", peers, "Atelier to the best"),
        ("Atelier", ["constant"], "Atelier to constant"),
        ("not compiled", peers, "not compiled to best"),
    ):
        if others:
            ratios = (_rate(servers[one][count]) / max(_rate(servers[other][count]) for other in others)
                      for count in CONNECTIONS)  # fmt: skip
            print(f"{title:22}" + "".join(f"{ratio:>8.2f} ×{'':15}" for ratio in ratios))
    more = (servers["not compiled"][count]["p50_ms"] / servers["its own server"][count]["p50_ms"] - 1
            for count in CONNECTIONS)  # fmt: skip
    print(f"{'gateway adds to p50':22}" + "".join(f"{share * 100:>8.0f} %{'':15}" for share in more))


def _rate(found: dict) -> float:
    return found["requests"] / found["seconds"]


if __name__ == "__main__":
    main()
