"""What a supervisor does about a container, whose processes are the engine's and not below it.

Standard library only.
"""

import json
import os
import signal

SECONDS = 60


def start(job):
    """Become the engine's command line, which prints what the container prints; does not return."""
    container = job["container"]
    os.execve(container["run"][0], container["run"], container["environ"])


def confine(job, output):
    """`output` becomes both streams. No fence: this process runs the engine's own program, not the user's."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)
    # Engines leave files where they are started.
    os.chdir(os.path.dirname(job["log_path"]))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(handle, number)
    os.closerange(3, 4096)


def end(container):
    """Remove it, and kill what runs in it; `cause` and `amount` where its engine knows why it ended."""
    said = _answer(container, "look")
    _answer(container, "remove")
    if said == "true":
        return {"cause": "memory", "amount": None}
    return json.loads(said) if said.startswith("{") else {}


def _answer(container, what):
    # Imported here, as it takes time that a job without a container need not wait for.
    import subprocess

    try:
        done = subprocess.run(
            container[what],
            env=container["environ"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
