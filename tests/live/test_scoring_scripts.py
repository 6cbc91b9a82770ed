"""Azure ML's scoring scripts run as they are: `init`, `run` and AZUREML_MODEL_DIR."""

import io
import tarfile

import httpx

from tests.live.conftest import wait_until

SCRIPT = """
import json, os

def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "factor.txt")) as file:
        factor = float(file.read())

def run(data):
    return [value * factor for value in json.loads(data)["data"]]
"""


def _upload(server, files: dict[str, str]) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return server.client.post("/api/uploads", content=packed.getvalue()).json()["uri"]


def _deploy(server, name: str, script: str) -> str:
    """Deploy a script beside a model folder; returns the state that the deployment settles in."""
    client = server.client
    code = {"code": _upload(server, {"code/score.py": script}), "scoring_script": "score.py"}
    deployment = {"name": name, "model": "azureml:factor@latest", "code_configuration": code, "all_traffic": True}
    client.post("/api/online-endpoints/scripts/deployments", json=deployment).raise_for_status()
    address = f"/api/online-endpoints/scripts/deployments/{name}"
    wait_until(lambda: client.get(address).json()["provisioning_state"] in ("Succeeded", "Failed"), 60)
    return client.get(address).json()


def test_a_script_is_served_changed_and_a_broken_one_leaves_the_old_serving(server, environment):
    model = _upload(server, {"model/factor.txt": "2.5"})
    body = {"name": "factor", "source": model, "type": "custom_model"}
    server.client.post("/api/models", json=body).raise_for_status()
    endpoint = server.client.post("/api/online-endpoints", json={"name": "scripts"}).json()
    key = server.client.get("/api/online-endpoints/scripts/keys").json()["primaryKey"]

    def score() -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(endpoint["scoring_uri"], json={"data": [2, 4]}, headers=headers, timeout=20)

    state = _deploy(server, "blue", SCRIPT)
    assert state["provisioning_state"] == "Succeeded", state
    wait_until(lambda: score().status_code == 200, 10)
    assert score().json() == [5.0, 10.0]
    broken = _deploy(
        server, "blue", "def init():\n    raise RuntimeError('no such table')\n\ndef run(data):\n    pass\n"
    )
    assert broken["provisioning_state"] == "Failed" and "no such table" in broken["error"]
    assert score().json() == [5.0, 10.0]
