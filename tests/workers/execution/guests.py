"""Starts commands as guests and looks for the processes that they leave."""

import os
import sys
import textwrap
import time
from pathlib import Path

import psutil

from workers.execution.launcher import Launch, Launcher, Limits, Outcome

ENVIRONMENT = Path(os.environ.get("ATELIER_TEST_ENVIRONMENT") or sys.executable)
LIMITS = {"timeout_seconds": 30, "memory_bytes": 4 * 2**30, "disk_bytes": 2**30, "processes": 200, "log_bytes": 2**20}


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


def run(launcher: Launcher, folder: Path, command: str, **options) -> tuple[Outcome, str]:
    started = launch(folder, command, **options)
    outcome = launcher.start(started).wait(60)
    assert outcome is not None, "it did not end"
    return outcome, started.log_path.read_text() if started.log_path.exists() else ""


def script(folder: Path, text: str, name: str = "script.py") -> str:
    (folder / "work" / name).write_text(textwrap.dedent(text))
    return f"python {name}"


def wait_until(holds, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sleepers(marks) -> list[int]:
    found = psutil.process_iter(["pid", "cmdline"])
    return [
        p.info["pid"] for p in found if (p.info["cmdline"] or [])[:1] == ["sleep"] and p.info["cmdline"][-1] in marks
    ]


def wait_for_sleepers(marks) -> None:
    wait_until(lambda: len(sleepers(marks)) >= len(marks))
