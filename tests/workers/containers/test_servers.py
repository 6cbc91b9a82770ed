"""Deployments whose image brings a server of its own: from the deployment to its answers."""

import asyncio
import socket
import subprocess
from pathlib import Path

import pytest

from app.compute.tables import Worker
from app.database import transaction
from app.endpoints.gateway import Counters, Gateway, RoutingTable
from app.endpoints.serving import read_routes
from app.kit.storage import store
from tests.endpoints.test_gateway import client
from tests.workers.containers.conftest import imported
from tests.workers.execution.guests import wait_until
from workers.node import Node
from workers.serving.keeper import Keeper

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
IMAGE = "atelier-test/server:1"
# Answers in chunks, as many servers do, and ends each connection.
SERVER = r"""
use IO::Socket::INET;
$| = 1;
my $listening = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 9, ReuseAddr => 1) or die "port: $!";
print "listening\n";
while (my $client = $listening->accept) {
    my ($method, $path) = split ' ', scalar <$client>;
    my $length = 0;
    while (my $line = <$client>) { last if $line eq "\r\n"; $length = $1 if $line =~ /^content-length: (\d+)/i; }
    read $client, my $sent, $length;
    my $said = qq({"path": "$path", "sent": $sent, "model": "$ENV{AZUREML_MODEL_DIR}"});
    $said = '"alive"' if $path eq "/alive";
    print $client "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    printf $client "%x\r\n%s\r\n", length $_, $_ for substr($said, 0, 3), substr($said, 3);
    print $client "0\r\n\r\n";
    close $client;
}
"""


@pytest.fixture
def deployed(alice):
    """What deploys a model with a file, by an environment given inline."""
    root = "workspaces/1/uploads/serves"
    store().write(f"{root}/serve.pl", [SERVER.encode()])
    alice.post("/api/online-endpoints", json={"name": "own"}).raise_for_status()
    path = "azureml://datastores/workspaceblobstore/paths/uploads/serves"
    alice.post("/api/models", json={"name": "serves", "source": path, "type": "custom_model"}).raise_for_status()

    def deploy(port: int, **changes) -> dict:
        route = {"port": port, "path": "/alive"}
        config = {"liveness_route": route, "readiness_route": route, "scoring_route": {"port": port, "path": "/v1:do"}}
        asked = {
            "name": "blue",
            "model": "azureml:serves:1",
            "model_mount_path": "/models",
            "environment": {"image": IMAGE, "inference_config": config},
            "environment_variables": {"PORT": str(port)},
            "readiness_probe": {"initial_delay": 0},
            "all_traffic": True,
        }
        return alice.post("/api/online-endpoints/own/deployments", json={**asked, **changes})

    return deploy


def test_without_an_engine_a_custom_container_is_refused_in_one_sentence(alice, deployed):
    refused = deployed(8501)
    assert refused.status_code == 400, refused.text
    assert refused.json()["detail"].startswith("environment.inference_config: the server is in the image")
    wrong = deployed(8501, environment={"image": IMAGE, "inference_config": {"scoring_route": {"port": 0}}})
    assert wrong.status_code == 400 and "environment.inference_config.liveness_route" in wrong.text


@pytest.fixture
def keeper(settings, started, engine):
    found = subprocess.run(["perl", "-e", 'print "@INC"'], capture_output=True, text=True, check=True).stdout.split()
    folders = [Path(path) for path in found if path.endswith("/perl-base")]
    imported(engine, IMAGE, ("perl",), *folders, starts=["/bin/perl", "/models/serves/serve.pl"])
    node = Node(settings, 1)
    node.engine = engine
    kept = Keeper(node)
    with transaction() as session:
        session.get_one(Worker, node.id).engine = engine.name
    yield kept
    kept.close()
    node.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def look(alice, keeper: Keeper) -> dict:
    keeper.reconcile()
    return alice.get("/api/online-endpoints/own/deployments/blue").json()


async def asked(path: str, key: str) -> tuple[int, dict]:
    table = RoutingTable()
    table.replace(read_routes())
    async with client(Gateway(None, table, counters=Counters())) as http:
        answer = await http.post(path, content="[1, 2]", headers={"authorization": f"Bearer {key}"})
        return answer.status_code, answer.json()


def test_a_custom_container_serves_the_mounted_model_at_its_own_route(alice, keeper, deployed):
    made = deployed(free_port())
    assert made.status_code == 201, made.text
    wait_until(lambda: look(alice, keeper)["provisioning_state"] in ("Succeeded", "Failed"), seconds=60)
    found = look(alice, keeper)
    log = alice.get("/api/online-endpoints/own/deployments/blue/logs").text
    assert found["provisioning_state"] == "Succeeded", (found["error"], log)
    assert "listening" in log
    key = alice.get("/api/online-endpoints/own/keys").json()["primaryKey"]
    expected = {"sent": [1, 2], "model": "/models"}
    assert asyncio.run(asked("/endpoints/own/score?a=1", key)) == (200, {"path": "/v1:do?a=1", **expected})
    assert asyncio.run(asked("/endpoints/own/score/v1/chat", key)) == (200, {"path": "/v1/chat", **expected})
    assert asyncio.run(asked("/endpoints/own/score", "wrong"))[0] == 401
    gone = alice.delete("/api/online-endpoints/own")
    assert gone.status_code == 204, gone.text
    keeper.reconcile()
    wait_until(lambda: not keeper.node.engine.answer("ps", "--quiet", "--filter", f"ancestor={IMAGE}"), seconds=30)


def test_a_custom_container_that_ends_says_its_last_words(alice, keeper, deployed):
    deployed(free_port(), environment_variables={"PORT": "no port"}).raise_for_status()
    wait_until(lambda: look(alice, keeper)["provisioning_state"] == "Failed", seconds=60)
    error = look(alice, keeper)["error"]
    assert error.startswith("Exit code ") and "port: " in error
