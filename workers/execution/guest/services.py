"""Runs a command with interactive services beside it, which end with it: `services.py CONFIGURATION`.

Standard library only: it runs under the interpreter of any environment, as part of the user's process tree.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 3.0
LINE = 300
# How long after the end of a service the whole job may turn out to be ending.
PAUSE_SECONDS = 0.5
_ending = threading.Event()


class Report:
    """The file in which the worker reads why a service is not there."""

    def __init__(self, path):
        self._path = path
        self._errors = {}
        self._lock = threading.Lock()

    def tell(self, name, error):
        with self._lock:
            self._errors[name] = error
            with open(self._path + ".new", "w") as file:
                json.dump(self._errors, file)
            os.replace(self._path + ".new", self._path)


def main(path):
    with open(path) as file:
        asked = json.load(file)
    report = Report(asked["report"])
    services = [process for process in (_start(service, report) for service in asked["services"]) if process]
    shell = shutil.which("bash") or "/bin/sh"
    command = subprocess.Popen([shell, "-c", asked["command"]], stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: _ask_to_end(command))
    code = command.wait()
    _end(services)
    return 128 - code if code < 0 else code


def _start(service, report):
    if not service["python"] and importlib.util.find_spec(service["module"]) is None:
        report.tell(service["name"], "The environment has no " + service["package"] + "; add it to its packages.")
        return None
    os.makedirs(os.path.expanduser(service["folder"]), exist_ok=True)
    arguments = [word.replace("{folder}", os.path.expanduser(service["folder"])) for word in service["arguments"]]
    log = open(service["log"], "wb")
    process = subprocess.Popen(
        [service["python"] or sys.executable, *arguments],
        env={**os.environ, **service["environ"]},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    threading.Thread(target=_wait, args=(process, service, report), daemon=True).start()
    return process


def _wait(process, service, report):
    code = process.wait()
    if _ending.wait(PAUSE_SECONDS):
        return
    with open(service["log"], errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    last = lines[-1][:LINE] if lines else "it printed nothing"
    report.tell(service["name"], f"It ended with exit code {code}: {last}")


def _ask_to_end(command):
    _ending.set()
    if command.poll() is None:
        command.terminate()


def _end(services):
    _ending.set()
    for process in services:
        process.terminate()
    for process in services:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
