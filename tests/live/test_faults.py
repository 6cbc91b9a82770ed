"""What must hold when things go wrong, with real processes."""

import time

import psutil
import pytest

from tests.live.conftest import start, stop, wait_until

SLEEP = """
command: >-
  python -c "import time; print('begun', flush=True); time.sleep(120)"
"""


def _begun(server, yaml: str = SLEEP) -> str:
    name = server.submit(yaml)["name"]
    wait_until(lambda: "begun" in server.log(name), 60, lambda: str(server.job(name)))
    return name


def test_a_second_start_is_quick_and_ctrl_c_leaves_no_orphan(tmp_path):
    stop(start(tmp_path / "home"))
    server = start(tmp_path / "home")
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert len(family) >= 3
    stop(server)
    _gone, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert server.process.returncode == 0


def test_a_worker_killed_in_mid_job_fails_the_job_and_its_processes_are_gone(own_server):
    name = _begun(own_server)
    worker = own_server.child("celery")
    family = worker.children(recursive=True)
    worker.kill()
    job = own_server.wait_for(name, seconds=60)
    assert job["status"] == "Failed"
    assert "lost" in job["error"]["message"]
    _gone, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert own_server.wait_for(own_server.submit("command: echo again")["name"])["status"] == "Completed"


def test_a_job_with_retries_is_run_again_when_its_worker_is_killed(own_server):
    name = _begun(own_server, SLEEP.replace("sleep(120)", "sleep(6)") + "retry_settings: {max_retries: 1}\n")
    own_server.child("celery").kill()
    job = own_server.wait_for(name, seconds=90)
    assert (job["status"], job["attempt"]) == ("Completed", 2)


def test_a_server_killed_in_mid_job_comes_back_and_nothing_is_lost(own_server):
    yaml = """
command: >-
  python -c "import time
  for i in range(40):
      print('line', i, flush=True); time.sleep(0.2)"
""".replace("\n  for", "\n\n  for").replace("\n      print", "\n\n      print")
    name = own_server.submit(yaml)["name"]
    wait_until(lambda: "line 2" in own_server.log(name), 60)
    own_server.child("uvicorn").kill()
    job = own_server.wait_for(name)
    assert job["status"] == "Completed"
    assert own_server.log(name).splitlines() == [f"line {number}" for number in range(40)]


def test_jobs_queued_while_redis_is_killed_run_once(own_server):
    busy = [_begun(own_server, SLEEP.replace("sleep(120)", "sleep(8)")) for _ in range(2)]
    queued = [own_server.submit("command: echo ran")["name"] for _ in range(3)]
    own_server.child("valkey-server").kill()
    while_dead = own_server.submit("command: echo ran")["name"]
    for name in [*busy, *queued, while_dead]:
        assert own_server.wait_for(name, seconds=90)["status"] == "Completed", name
    for name in [*queued, while_dead]:
        assert own_server.log(name) == "ran\n"
        assert own_server.job(name)["attempt"] == 1


def test_canceling_ends_the_whole_process_tree_within_five_seconds(server):
    yaml = """
command: |
  setsid sleep 987 &
  (sleep 986 & disown)
  echo begun
  sleep 985
"""
    name = _begun(server, yaml)
    asked = time.monotonic()
    server.client.post(f"/api/jobs/{name}/cancel").raise_for_status()
    assert server.wait_for(name)["status"] == "Canceled"
    left = [
        p
        for p in psutil.process_iter(["cmdline"])
        if (p.info["cmdline"] or [])[:1] == ["sleep"] and p.info["cmdline"][1:] in (["987"], ["986"], ["985"])
    ]
    assert left == []
    assert time.monotonic() - asked < 5


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("python -c 'x = bytearray(700_000_000); x[::4096] = b\"1\" * len(x[::4096]); print(len(x))'", "memory"),
        ("bash -c 'sleep 300'", "time"),
        ("python -c 'import os; [os.fork() for _ in range(7)]; import time; time.sleep(100)'", "processes"),
    ],
)
def test_a_job_over_its_limit_fails_alone_and_says_why(server, command, word):
    limits = "limits: {timeout: 3}\n" if word == "time" else ""
    memory = 'resources: {docker_args: "--memory=300m --pids-limit=40"}\n'
    bystander = server.submit("command: python -c \"import time; time.sleep(5); print('unharmed')\"")["name"]
    job = server.wait_for(
        server.submit(f"command: {command!r}\n{limits}{memory}".replace("'\"", "'").replace("\"'", "'"))["name"]
    )
    assert job["status"] == "Failed"
    assert word in job["error"]["message"].lower(), job["error"]
    assert server.wait_for(bystander)["status"] == "Completed"


def test_a_gigabyte_of_output_is_cut_and_the_job_goes_on(server):
    job = server.wait_for(
        server.submit("command: head -c 1000000000 /dev/zero | tr '\\\\0' 'x'; echo; echo finished")["name"]
    )
    assert job["status"] == "Completed"
    size = int(server.client.get(f"/api/jobs/{job['name']}/logs", params={"offset": -1}).headers["X-Log-Offset"])
    assert size < 80 * 2**20
