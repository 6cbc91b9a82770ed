"""Whatever ends a job, nothing of its process tree stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.workers.execution.guests import ENVIRONMENT, launch, run, script, sleepers, wait_for_sleepers, wait_until
from workers.execution.launcher import Launcher


def test_a_line_is_in_the_log_at_once(launcher, folder, is_warm):
    started = launch(folder, script(folder, "import time; print('now'); time.sleep(20)"), warm=is_warm)
    guest = launcher.start(started)
    wait_until(lambda: started.log_path.exists() and "now" in started.log_path.read_text())
    guest.cancel()
    assert guest.wait(6).cause == "canceled"


def test_canceling_ends_what_left_its_session_and_what_refuses(launcher, folder):
    command = "setsid sleep 871 & (trap '' TERM; sleep 872 & trap '' TERM; while true; do sleep 0.1; done) & sleep 873"
    started = launch(folder, command)
    guest = launcher.start(started)
    wait_for_sleepers(("871", "872", "873"))
    asked = time.monotonic()
    guest.cancel()
    assert guest.wait(6).cause == "canceled"
    assert time.monotonic() - asked < 5
    assert sleepers(("871", "872", "873")) == []


def test_what_is_left_behind_ends_with_the_command(launcher, folder):
    outcome, _ = run(launcher, folder, "setsid sleep 874 & sleep 0.3; echo done")
    assert outcome.exit_code == 0
    assert sleepers(("874",)) == []


def test_a_worker_killed_with_9_takes_its_guests_along(folder):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(ENVIRONMENT)],
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    wait_for_sleepers(("875",))
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    wait_until(lambda: not sleepers(("875",)), seconds=5)


def test_when_its_supervisor_is_killed_the_tree_ends_and_the_job_is_lost(launcher, folder):
    guest = launcher.start(launch(folder, "setsid sleep 876 & sleep 877"))
    wait_for_sleepers(("876", "877"))
    assert guest.poll() is None
    psutil.Process(guest.pid).parent().kill()
    outcome = guest.wait(5)
    assert (outcome.cause, outcome.exit_code) == ("lost", None)
    wait_until(lambda: not sleepers(("876", "877")))


def test_a_launcher_that_is_closed_leaves_nothing(folder):
    closed = Launcher(folder.parent / "runtime")
    guest = closed.start(launch(folder, "setsid sleep 878 & sleep 879"))
    wait_for_sleepers(("878", "879"))
    closed.close()
    assert sleepers(("878", "879")) == []
    assert guest.poll().cause == "lost"


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


def test_jobs_go_on_when_a_warm_process_is_killed(launcher, folder, warm):
    started = launch(
        folder, script(folder, "import time; print('now', flush=True); time.sleep(1); print('end')"), warm=True
    )
    guest = launcher.start(started)
    wait_until(lambda: started.log_path.exists() and "now" in started.log_path.read_text())
    guest.poll()
    psutil.Process(guest.pid).parent().parent().kill()
    assert guest.wait(10).exit_code == 0
    outcome, _ = run(launcher, folder, script(folder, "print('again')"), warm=True)
    assert outcome.exit_code == 0
    wait_until(lambda: launcher.warm.ready(ENVIRONMENT), seconds=60)
