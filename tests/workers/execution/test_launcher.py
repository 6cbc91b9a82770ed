"""User code as a guest: it may crash, hang, fork, print and write, and harms nothing but itself."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from workers.execution.commands import python_arguments
from workers.execution.guest import landlock
from workers.execution.launcher import Launch, Launcher, Limits

ENVIRONMENT = Path(os.environ.get("ATELIER_TEST_ENVIRONMENT") or sys.executable)
LIMITS = {"timeout_seconds": 30, "memory_bytes": 4 * 2**30, "disk_bytes": 2**30, "processes": 200, "log_bytes": 2**20}


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    made = Launcher(tmp_path_factory.mktemp("runtime"), preload=("numpy", "torch"))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "guest"
    (made / "work").mkdir(parents=True)
    return made


def launch(folder: Path, command: str, *, warm: bool = False, environ: dict | None = None, **limits) -> Launch:
    return Launch(
        name="test",
        command=command,
        python=ENVIRONMENT,
        folder=folder,
        working_directory=folder / "work",
        environ={
            "PATH": f"{ENVIRONMENT.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            **(environ or {}),
        },
        log_path=folder.parent / "log.txt",
        limits=Limits(**{**LIMITS, **limits}),
        hidden=[folder.parent.parent / "secrets"],
        warm=warm,
    )


def run(launcher: Launcher, folder: Path, command: str, **options):
    started = launch(folder, command, **options)
    outcome = launcher.start(started).wait(60)
    assert outcome is not None, "it did not end"
    return outcome, started.log_path.read_text() if started.log_path.exists() else ""


def script(folder: Path, text: str, name: str = "script.py") -> str:
    (folder / "work" / name).write_text(textwrap.dedent(text))
    return f"python {name}"


@pytest.fixture(scope="module")
def warm(launcher, tmp_path_factory):
    """Waits until the warm process of the environment is ready."""
    folder = tmp_path_factory.mktemp("warming")
    (folder / "work").mkdir()
    deadline = time.monotonic() + 60
    while not launcher.warm_up(ENVIRONMENT):
        assert time.monotonic() < deadline, "the warm process does not get ready"
        time.sleep(0.1)


@pytest.fixture(params=["cold", "warm"])
def is_warm(request) -> bool:
    if request.param == "warm":
        request.getfixturevalue("warm")
    return request.param == "warm"


def test_a_script_sees_what_it_would_see_without_us(launcher, folder, is_warm):
    command = script(
        folder,
        """
        import os, sys, __main__
        print(sys.argv, os.path.basename(__file__), __name__, sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
        print(os.getcwd() == os.path.dirname(os.path.abspath(__file__)), os.environ["GREETING"], sys.stdin.read() == "")
        print([name for name in sys.modules if name in ("supervise", "tree", "cgroup", "workers", "app")])
        print([entry for entry in sys.path if "workers" in entry], __main__.__file__ == os.path.abspath(__file__))
        """,
    )
    outcome, log = run(launcher, folder, f"{command} --lr=0.1 'two words'", warm=is_warm, environ={"GREETING": "hello"})
    assert (outcome.exit_code, outcome.message) == (0, None), log
    assert log.splitlines() == [
        "['script.py', '--lr=0.1', 'two words'] script.py __main__ True",
        "True hello True",
        "[]",
        "[] True",
    ]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise ValueError('x must be positive')", 1, "Exit code 1: ValueError: x must be positive"),
        ("import sys; sys.exit(7)", 7, "Exit code 7: the command failed."),
        ("import sys; sys.exit('no data')", 1, "Exit code 1: the command failed."),
        ("def f(:", 1, "Exit code 1: SyntaxError: invalid syntax"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            None,
            "The process was killed by signal 11 (segmentation fault).",
        ),
        ("import atexit; atexit.register(print, 'bye')", 0, None),
    ],
)
def test_an_end_is_told_in_one_sentence(launcher, folder, is_warm, body, code, message):
    outcome, log = run(launcher, folder, script(folder, body), warm=is_warm)
    if message and "signal" in message and not is_warm:
        code, message = outcome.exit_code, outcome.message
        assert "signal 11" in message
    assert (outcome.exit_code, outcome.message) == (code, message), log
    assert "workers/execution" not in log
    assert "bye" not in body or "bye" in log


def test_processes_and_data_loaders_of_all_kinds_work(launcher, folder, is_warm):
    command = script(
        folder,
        """
        import multiprocessing

        def square(x):
            return x * x

        if __name__ == "__main__":
            for method in ("fork", "spawn", "forkserver"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(method, pool.map(square, range(4)))
        """,
    )
    outcome, log = run(launcher, folder, command, warm=is_warm)
    assert outcome.exit_code == 0, log
    assert log.splitlines() == [f"{method} [0, 1, 4, 9]" for method in ("fork", "spawn", "forkserver")]


def test_two_warm_jobs_have_not_the_same_random_numbers(launcher, folder, warm):
    command = script(folder, "import random; print(random.random())")
    _, first = run(launcher, folder, command, warm=True)
    _, both = run(launcher, folder, command, warm=True)
    assert len(set(both.split())) == 2


def test_a_line_is_in_the_log_at_once(launcher, folder, is_warm):
    started = launch(folder, script(folder, "import time; print('now'); time.sleep(20)"), warm=is_warm)
    guest = launcher.start(started)
    deadline = time.monotonic() + 10
    while not (started.log_path.exists() and "now" in started.log_path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    guest.cancel()
    assert guest.wait(6).cause == "canceled"


def test_canceling_ends_what_left_its_session_and_what_refuses(launcher, folder):
    command = "setsid sleep 871 & (trap '' TERM; sleep 872 & trap '' TERM; while true; do sleep 0.1; done) & sleep 873"
    started = launch(folder, command)
    guest = launcher.start(started)
    _wait_for_sleepers(("871", "872", "873"))
    asked = time.monotonic()
    guest.cancel()
    assert guest.wait(6).cause == "canceled"
    assert time.monotonic() - asked < 5
    assert _sleepers(("871", "872", "873")) == []


def _sleepers(marks) -> list[int]:
    found = psutil.process_iter(["pid", "cmdline"])
    return [
        p.info["pid"] for p in found if (p.info["cmdline"] or [])[:1] == ["sleep"] and p.info["cmdline"][-1] in marks
    ]


def _wait_for_sleepers(marks) -> None:
    deadline = time.monotonic() + 10
    while len(_sleepers(marks)) < len(marks):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_left_behind_ends_with_the_command(launcher, folder):
    outcome, _ = run(launcher, folder, "setsid sleep 874 & sleep 0.3; echo done")
    assert outcome.exit_code == 0
    assert _sleepers(("874",)) == []


def test_a_worker_killed_with_9_takes_its_guests_along(folder):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(ENVIRONMENT)],
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    _wait_for_sleepers(("875",))
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    deadline = time.monotonic() + 5
    while _sleepers(("875",)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


HOLDER = """
import sys
from pathlib import Path
from workers.execution.launcher import Launch, Launcher, Limits
folder = Path(sys.argv[1])
guest = Launcher(folder.parent / "runtime").start(Launch(
    "held", "setsid sleep 875 & wait", Path(sys.argv[2]), folder, folder / "work", {"PATH": "/usr/bin:/bin"},
    folder.parent / "log.txt", Limits(None, None, None, None, 1000)))
guest.wait()
"""


@pytest.mark.parametrize(
    ("command", "cause", "limits"),
    [
        ("sleep 60", "timeout", {"timeout_seconds": 0.5}),
        (
            "python -c 'import time; parts = [bytearray(50_000_000) for _ in range(12)]; time.sleep(30)'",
            "memory",
            {"memory_bytes": 600_000_000},
        ),
        ("for i in $(seq 60); do sleep 60 & done; wait", "processes", {"processes": 40}),
        (
            "head -c 300000000 /dev/zero > a; head -c 300000000 /dev/zero > b; sleep 30",
            "disk",
            {"disk_bytes": 400_000_000},
        ),
    ],
)
def test_over_a_limit_the_whole_tree_ends_and_says_why(launcher, folder, command, cause, limits):
    outcome, log = run(launcher, folder, command, **limits)
    assert outcome.cause == cause or (cause == "memory" and "memory" in outcome.message), (outcome, log)
    assert "limit" in outcome.message or "timeout" in outcome.message


def test_a_fork_bomb_is_contained(launcher, folder):
    command = script(
        folder,
        """
        import os, time
        end = time.time() + 8
        while time.time() < end:
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
        """,
    )
    outcome, _ = run(launcher, folder, command, processes=64)
    assert outcome.cause == "processes"
    time.sleep(0.2)
    assert [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(folder / "work")] == []


def test_asking_for_too_much_memory_at_once_is_a_memory_error(launcher, folder, is_warm):
    outcome, log = run(launcher, folder, script(folder, "x = bytearray(9_000_000_000)"), warm=is_warm)
    assert outcome.exit_code == 1 and "memory" in outcome.message, (outcome, log)


def test_a_gigabyte_of_output_is_cut_and_does_not_hold_the_job_up(launcher, folder):
    started = time.monotonic()
    outcome, log = run(launcher, folder, "head -c 1000000000 /dev/zero | tr '\\0' x; echo end >&2")
    assert outcome.exit_code == 0
    assert 2**20 < len(log) < 2**20 + 200 and "cut here, at 1 MB" in log
    assert time.monotonic() - started < 30


@pytest.mark.skipif(not landlock.available(), reason="this kernel has no Landlock")
def test_the_fence_holds(launcher, folder):
    secrets = folder.parent.parent / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "key").write_text("hidden")
    outside = Path(f"/var/lib/atelier-fence-{os.getpid()}")
    hider = subprocess.Popen(
        [sys.executable, "-c", "from app.kit.hiding import hide_from_guests as h; h(); print(1, flush=True); input()"],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    hider.stdout.readline()
    commands = [
        f"cat {secrets}/key",
        f"ls {secrets}",
        f"echo x > {outside}",
        f"kill -0 {os.getpid()}",
        f"cat /proc/{hider.pid}/environ",
        "echo y > ../mine && cat ../mine",
        "echo z > $HOME/also && cat $HOME/also",
    ]
    outcome, log = run(
        launcher,
        folder,
        "; ".join(f"({command}) 2>/dev/null && echo 'allowed {number}'" for number, command in enumerate(commands)),
    )
    hider.communicate(b"")
    assert [line for line in log.splitlines() if line.startswith("allowed")] == ["allowed 5", "allowed 6"], log


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("python train.py --lr 0.1", ["train.py", "--lr", "0.1"]),
        ("  python3 -u train.py 'a b'\n", ["train.py", "a b"]),
        ("python -m package.train x", ["-m", "package.train", "x"]),
        ("python train.py && echo done", None),
        ("python train.py\npython test.py", None),
        ("python -c 'print(1)'", None),
        ("python train.py $HOME", None),
        ("A=1 python train.py", None),
        ("bash run.sh", None),
        ("python 'unclosed", None),
    ],
)
def test_which_commands_can_be_forked(command, arguments):
    assert python_arguments(command) == arguments
