"""Deployments of `--local`: served on this machine, and told of by the command line."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from app.cli import local_endpoints, local_files
from app.errors import Invalid, NotFound
from workers.serving import local


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_HOME", str(tmp_path / "home"))


def deploy(folder: Path, name: str, script: str) -> dict:
    """As `deploy` does, under this interpreter instead of one that would be built."""
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "score.py").write_text(script)
    (folder / "factor.txt").write_text("3")
    code = {"code": "code", "scoring_script": "score.py"}
    given = {"name": name, "endpoint_name": "near", "model": {"path": "factor.txt"}, "code_configuration": code}
    spec, warnings = local_files.read(given | {"environment_variables": {"PLUS": 1}, "colour": "red"}, folder)
    assert [text.partition(";")[0] for text in warnings] == ["`colour` is not a field of an online deployment"]
    own = local_endpoints._root() / "near" / name
    own.mkdir(parents=True)
    (own / "deployment.json").write_text(json.dumps(spec))
    instance = local.instance_of(spec, own, Path(sys.executable))
    (own / "state.json").write_text(json.dumps(local.wait(instance, local.start(instance))))
    return local_endpoints.deployment("near", name)


def test_a_deployment_serves_without_a_server_until_it_is_deleted(tmp_path):
    with pytest.raises(NotFound, match="online-endpoint create --local -n near"):
        local_endpoints.deployments("near")
    local_endpoints.create_endpoint({"name": "near", "auth_mode": "key"})
    with pytest.raises(NotFound, match="No deployment"):
        local_endpoints.invoke("near", b"[]")
    script = (
        "import json, os, pathlib\n"
        "def init():\n"
        "    global by\n"
        "    by = int(pathlib.Path(os.environ['AZUREML_MODEL_DIR'], 'factor.txt').read_text())\n"
        "def run(raw):\n"
        "    return json.loads(raw) * by + int(os.environ['PLUS'])\n"
    )
    served = deploy(tmp_path, "blue", script)
    assert served["provisioning_state"] == "Succeeded", served["error"]
    assert local_endpoints.invoke("near", b"5") == b"16"
    broken = deploy(tmp_path, "green", "import nothing_of_that_name\n")
    assert broken["provisioning_state"] == "Failed" and "nothing_of_that_name" in broken["error"]
    assert "nothing_of_that_name" in local_endpoints.logs("near", "green")
    assert local_endpoints.invoke("near", b"1", "blue") == b"4"
    assert local_endpoints.endpoint("near")["scoring_uri"] == served["scoring_uri"]
    pid = local_endpoints._process(local_endpoints._root() / "near" / "blue")
    local_endpoints.delete_endpoint("near")
    assert os.waitid(os.P_PID, pid, os.WEXITED).si_status == signal.SIGKILL
    assert local_endpoints.endpoints() == []


def test_what_is_not_on_this_machine_is_named(tmp_path):
    given = {"name": "blue", "endpoint_name": "near", "model": {"path": "gone"}}
    with pytest.raises(Invalid, match=r"model.path: there is no .*gone"):
        local_files.read(given, tmp_path)
    with pytest.raises(Invalid, match=r"environment\.build"):
        local_files.read(given | {"model": "azureml:m:1", "environment": {"build": {"path": "."}}}, tmp_path)
