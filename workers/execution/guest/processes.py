"""Starts a command several times on one machine, each with its own environment variables, and ends them as one.

Standard library only: it runs under the interpreter of any environment, as part of the user's process tree.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main(path):
    """Exit with 0 when all have, else with the code of the first that failed, after the others were ended."""
    with open(path) as file:
        asked = json.load(file)
    os.remove(path)
    started = []
    for number, variables in enumerate(asked["processes"]):
        process = subprocess.Popen(
            ["/bin/bash", "-c", asked["command"]],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        prefix = b"[%s] " % asked["names"][number].encode()
        printer = threading.Thread(target=_pass_on, args=(process.stdout, prefix), daemon=True)
        printer.start()
        started.append((process, printer))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_end(started, 128 + signal.SIGTERM)))
    return _watch(started)


_printing = threading.Lock()


def _pass_on(source, prefix):
    for line in source:
        with _printing:
            sys.stdout.buffer.write(prefix + line if line.endswith(b"\n") else prefix + line + b"\n")
            sys.stdout.buffer.flush()


def _watch(started):
    while True:
        codes = [process.poll() for process, _ in started]
        failed = [code for code in codes if code]
        if failed:
            code = failed[0]
            return _end(started, 128 - code if code < 0 else code)
        if all(code == 0 for code in codes):
            return _end(started, 0)
        time.sleep(0.05)


def _end(started, code):
    """What still runs gets a moment to end by itself."""
    for sent, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 1.0)):
        left = [process for process, _ in started if process.poll() is None]
        for process in left:
            try:
                os.killpg(process.pid, sent)
            except ProcessLookupError:
                continue
        until = time.monotonic() + seconds
        while any(process.poll() is None for process in left) and time.monotonic() < until:
            time.sleep(0.05)
    for _, printer in started:
        printer.join(1.0)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
