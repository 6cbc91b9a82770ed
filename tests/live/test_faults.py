"""What must hold when things go wrong, with real processes."""

import time

import psutil
import pytest

from tests.live.conftest import wait_until


def python(*lines: str) -> str:
    """A command that runs lines of Python."""
    return "python - <<'END'\n" + "\n".join(lines) + "\nEND"


def _sleep(seconds: float) -> str:
    return python("import time", "print('begun', flush=True)", f"time.sleep({seconds})")


def _begun(server, command: str = _sleep(120), **fields) -> str:
    name = server.run(command, **fields)
    wait_until(lambda: "begun" in server.log(name), 60, lambda: str(server.job(name)))
    return name


def _left(marks: tuple[str, ...]) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [
        item for item in found if (item.info["cmdline"] or [])[:1] == ["sleep"] and item.info["cmdline"][-1] in marks
    ]


def test_a_worker_killed_in_mid_job_fails_the_job_and_its_processes_are_gone(harmed):
    name = _begun(harmed)
    worker = harmed.child("-m workers")
    family = worker.children(recursive=True)
    worker.kill()
    job = harmed.wait_for(name, seconds=75)
    assert job["status"] == "Failed"
    assert "lost" in job["error"]["message"]
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert harmed.wait_for(harmed.run("echo again"))["status"] == "Completed"


def test_a_job_with_retries_is_run_again_when_its_worker_is_killed(harmed):
    name = _begun(harmed, _sleep(6), retry_settings={"max_retries": 1})
    harmed.child("-m workers").kill()
    job = harmed.wait_for(name, seconds=90)
    assert (job["status"], job["attempt"]) == ("Completed", 2)


def test_a_server_killed_in_mid_job_comes_back_and_nothing_is_lost(harmed):
    name = harmed.run("for i in $(seq 40); do echo line $i; sleep 0.2; done")
    wait_until(lambda: "line 2" in harmed.log(name), 60)
    harmed.child("app.cli.web").kill()
    job = harmed.wait_for(name)
    assert job["status"] == "Completed"
    assert harmed.log(name).splitlines() == [f"line {number}" for number in range(1, 41)]


def test_a_log_stream_resumes_where_the_server_broke_it_off(harmed):
    name = harmed.run("for i in $(seq 30); do echo line $i; sleep 0.2; done")
    text, offset, event = "", "0", ""
    for _ in range(40):
        try:
            headers = {"Last-Event-ID": offset}
            with harmed.client.stream("GET", f"/api/jobs/{name}/logs/stream", headers=headers) as answer:
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        offset = line[4:]
                    elif line.startswith("data: ") and event == "log":
                        text += line[6:].strip('"').replace("\\n", "\n")
                        if text.count("\n") == 5:
                            harmed.child("app.cli.web").kill()
                    elif line.startswith("event: "):
                        event = line[7:]
                        if event == "end":
                            assert text.splitlines() == [f"line {number}" for number in range(1, 31)]
                            return
        except Exception as error:
            if isinstance(error, AssertionError):
                raise
            time.sleep(0.5)
    pytest.fail(f"the stream did not end: {text!r}")


def test_jobs_queued_while_redis_is_killed_run_once(harmed):
    busy = [_begun(harmed, _sleep(8)) for _ in range(2)]
    queued = [harmed.run("echo ran") for _ in range(3)]
    harmed.child("valkey-server").kill()
    while_dead = harmed.run("echo ran")
    for name in [*busy, *queued, while_dead]:
        assert harmed.wait_for(name, seconds=90)["status"] == "Completed", name
    for name in [*queued, while_dead]:
        assert harmed.log(name) == "ran\n"
        assert harmed.job(name)["attempt"] == 1


def test_canceling_ends_the_whole_process_tree_within_five_seconds(server):
    name = _begun(server, "setsid sleep 987 &\n(sleep 986 & disown)\necho begun\nsleep 985\n")
    asked = time.monotonic()
    server.client.post(f"/api/jobs/{name}/cancel").raise_for_status()
    assert server.wait_for(name)["status"] == "Canceled"
    assert _left(("985", "986", "987")) == []
    assert time.monotonic() - asked < 5


@pytest.mark.parametrize(
    ("command", "word", "fields"),
    [
        (
            python("parts = [bytearray(50_000_000) for _ in range(20)]"),
            "memory",
            {"resources": {"docker_args": "--memory=300m"}},
        ),
        ("sleep 300", "timeout", {"limits": {"timeout": 2}}),
        (
            "for i in $(seq 60); do sleep 61 & done; wait",
            "processes",
            {"resources": {"docker_args": "--pids-limit=40"}},
        ),
        (python("raise ValueError('the learning rate must be positive')"), "the learning rate must be positive", {}),
        ("no-such-program", "not found", {}),
    ],
)
def test_a_job_that_fails_fails_alone_and_says_why_in_one_sentence(server, command, word, fields):
    bystander = server.run(python("import time", "time.sleep(4)", "print('unharmed')"))
    job = server.wait_for(server.run(command, **fields))
    assert job["status"] == "Failed"
    assert word in job["error"]["message"].lower(), job["error"]
    assert server.wait_for(bystander)["status"] == "Completed"


def test_a_gigabyte_of_output_is_cut_and_the_job_goes_on(server):
    job = server.wait_for(server.run("head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo; sleep 0.1"))
    assert job["status"] == "Completed"
    size = int(server.client.get(f"/api/jobs/{job['name']}/logs", params={"offset": -1}).headers["X-Log-Offset"])
    assert size < 70 * 2**20


def test_user_code_sees_neither_the_registry_nor_the_secrets(server):
    name = server.run(f"cat {server.home}/atelier.toml; ls {server.home}; env; cat /proc/*/environ | tr '\\0' '\\n'")
    server.wait_for(name)
    log = server.log(name)
    assert "secret_key" not in log and "atelier.db" not in log
    assert "ATELIER_CONFIG" not in log and "redis://" not in log


def test_named_outputs_become_assets_and_the_next_job_reads_them(server):
    # The working folder has a folder `outputs` from the start, as in Azure ML.
    first = server.run(
        "echo 42 > outputs/answer.txt && cp outputs/answer.txt ${{outputs.made}}",
        outputs={"made": {"type": "uri_folder", "name": "answers"}},
    )
    assert server.wait_for(first)["status"] == "Completed", server.job(first)
    asset = server.client.get("/api/data/answers").json()
    assert (asset["version"], asset["file_count"]) == ("1", 1)
    inputs = {"made": {"type": "uri_folder", "path": "azureml:answers@latest"}}
    second = server.run("cat ${{inputs.made}}/answer.txt; echo x >> ${{inputs.made}}/answer.txt", inputs=inputs)
    server.wait_for(second)
    assert server.log(second).startswith("42\n") and "denied" in server.log(second)


def test_a_package_that_does_not_exist_is_named(server):
    conda = {"name": "broken", "dependencies": ["python=3.11", "pip", {"pip": ["no-such-package-at-all==1.0"]}]}
    job = server.wait_for(server.run("echo 1", environment={"image": "ubuntu", "conda_file": conda}))
    assert job["status"] == "Failed"
    assert "no-such-package-at-all" in job["error"]["message"]


def test_an_environment_is_built_behind_the_fence_and_used(server):
    conda = {"name": "small", "dependencies": ["python=3.11", "pip", {"pip": ["six==1.17.0"]}]}
    command = "python -c 'import six; print(six.__version__)'"
    job = server.wait_for(server.run(command, environment={"conda_file": conda}))
    assert job["status"] == "Completed", job
    assert server.log(job["name"]) == "1.17.0\n"


def test_many_short_jobs_all_run(server):
    """A job that is claimed while its worker looks after what it holds is not let go."""
    names = [server.run(f"echo {number}") for number in range(30)]
    assert [name for name in names if server.wait_for(name, seconds=120)["status"] != "Completed"] == []
    assert [server.log(name) for name in names] == [f"{number}\n" for number in range(30)]


def test_a_killed_supervisor_leaves_no_orphan(harmed):
    _begun(harmed)
    family = psutil.Process(harmed.process.pid).children(recursive=True)
    harmed.process.kill()
    harmed.process.wait()
    assert psutil.wait_procs(family, timeout=15)[1] == []
