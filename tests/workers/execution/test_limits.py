"""A job that is greedy harms nothing but itself, and is told which limit it met."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.workers.execution.guests import run, script
from workers.execution.guest import landlock


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


def test_a_folder_of_many_files_is_measured_too(launcher, folder):
    body = """
        for number in range(12000):
            open(f"{number}", "w").write("x")
        import time
        time.sleep(20)
        """
    outcome, _ = run(launcher, folder, script(folder, body), disk_bytes=40_000_000)
    assert outcome.cause == "disk"


def test_a_file_over_the_limit_is_an_error_that_says_so(launcher, folder, is_warm):
    body = "open('big', 'wb').truncate(2_000_000_000)"
    outcome, _ = run(launcher, folder, script(folder, body), warm=is_warm, disk_bytes=10**9)
    assert outcome.message == "Exit code 1: a file would be larger than the job's limit of disk, 1 GB."


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
        "for disk in $(lsblk -dnpo NAME); do head -c 1 $disk && break; done | grep -q .",
        "echo y > ../mine && cat ../mine",
        "echo z > $HOME/also && cat $HOME/also",
    ]
    _, log = run(
        launcher,
        folder,
        "; ".join(f"({command}) 2>/dev/null && echo 'allowed {number}'" for number, command in enumerate(commands)),
    )
    hider.communicate(b"")
    assert [line for line in log.splitlines() if line.startswith("allowed")] == ["allowed 6", "allowed 7"], log
