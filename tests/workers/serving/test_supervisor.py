"""Scoring servers as processes: started, scored, killed, restarted, ended."""

import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from workers.serving.instance import InstanceSpec
from workers.serving.supervisor import Supervisor
from workers.serving.usage import Usage

SCRIPT = """
import json, os, time

def init():
    print("folder", os.environ["AZUREML_MODEL_DIR"], flush=True)

def run(data):
    sent = json.loads(data)
    if "sleep" in sent:
        time.sleep(sent["sleep"])
    if "fail" in sent:
        raise ValueError(sent["fail"])
    return {"pid": os.getpid(), "sent": sent}
"""


@pytest.fixture
def supervisor(tmp_path) -> Iterator[Supervisor]:
    kept = Supervisor(tmp_path / "serving")
    yield kept
    kept.close(drain_seconds=0)


def spec(tmp_path: Path, script: str = SCRIPT, **changes) -> InstanceSpec:
    code = tmp_path / "code"
    code.mkdir(exist_ok=True)
    (code / "score.py").write_text(script)
    fields = {
        "name": "one",
        "python": Path(sys.executable),
        "folder": tmp_path / "serving" / "one",
        "model_folder": tmp_path,
        "kind": "custom_model",
        "code_folder": code,
        "scoring_script": "score.py",
    }
    return InstanceSpec(**{**fields, **changes})


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def score(instance, sent, *, key: str | None = None, path: str = "/score", method: str = "POST") -> tuple[int, dict]:
    connection = http.client.HTTPConnection(instance.address, timeout=10)
    connection.request(method, path, json.dumps(sent), {"x-atelier-instance-key": key or instance.key})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def ready(supervisor: Supervisor, wanted: InstanceSpec):
    instance = supervisor.ensure(wanted)
    until(lambda: instance.state == "Ready")
    return instance


def test_a_scoring_script_answers(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path))
    status, answer = score(instance, {"x": 1})
    assert (status, answer["sent"]) == (200, {"x": 1})
    assert f"folder {tmp_path}" in instance.log_path.read_text()
    usage = Usage()
    first, second = [usage.look([instance.pid, 2**22 + 1])[instance.pid] for _ in range(2)]
    assert first.keys() == {"memory"} and first["memory"] > 2**20
    assert second["cpu"] >= 0


def test_a_wrong_instance_key_is_refused(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path))
    assert score(instance, {}, key="wrong")[0] == 401


def test_an_error_of_the_script_is_told_and_logged(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path))
    status, answer = score(instance, {"fail": "no such animal"})
    assert (status, answer["error"]["message"]) == (500, "ValueError: no such animal")
    assert "Traceback" in instance.log_path.read_text()


def test_a_slow_answer_is_given_up(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path, request_timeout_ms=200))
    status, answer = score(instance, {"sleep": 1})
    assert (status, answer["error"]["code"]) == (504, "RequestTimeout")


def test_a_body_over_the_limit_is_refused(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path, body_bytes=100))
    assert score(instance, "x" * 200)[0] == 413


def test_a_killed_server_is_back_at_the_same_address(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path))
    before, pid = instance.address, score(instance, {})[1]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: instance.restarts == 1 and instance.state == "Ready")
    assert instance.address == before
    assert score(instance, {})[1]["pid"] != pid


def test_a_server_that_hangs_is_restarted(supervisor, tmp_path):
    probe = {"initial_delay": 0, "period": 0.1, "timeout": 0.2, "failure_threshold": 2}
    instance = ready(supervisor, spec(tmp_path, liveness_probe=probe))
    os.kill(score(instance, {})[1]["pid"], signal.SIGSTOP)
    until(lambda: instance.restarts == 1 and instance.state == "Ready")


def test_a_server_that_cannot_load_fails_with_the_exception(supervisor, tmp_path):
    instance = supervisor.ensure(spec(tmp_path, script="import no_such_module"))
    until(lambda: instance.state == "Failed")
    assert instance.error == "The model could not be loaded: ModuleNotFoundError: No module named 'no_such_module'"


def test_a_missing_interpreter_fails_with_a_sentence(supervisor, tmp_path):
    instance = supervisor.ensure(spec(tmp_path, python=tmp_path / "no-python"))
    until(lambda: instance.state == "Failed")
    assert "no-python" in instance.error


def test_stopping_lets_requests_in_flight_end_and_leaves_no_process(supervisor, tmp_path):
    instance = ready(supervisor, spec(tmp_path))
    pid = score(instance, {})[1]["pid"]
    connection = http.client.HTTPConnection(instance.address, timeout=10)
    connection.request("POST", "/score", '{"sleep": 0.5}', {"x-atelier-instance-key": instance.key})
    time.sleep(0.1)
    supervisor.stop("one")
    assert connection.getresponse().status == 200
    until(lambda: instance.state == "Stopped" and not psutil.pid_exists(pid))
    assert supervisor.names() == []


def test_the_same_spec_again_changes_nothing(supervisor, tmp_path):
    first = ready(supervisor, spec(tmp_path))
    assert supervisor.ensure(spec(tmp_path)) is first
    assert supervisor.ensure(spec(tmp_path, request_timeout_ms=1)) is not first
