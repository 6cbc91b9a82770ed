"""A parallel step on several instances: how processes of the others come to the leader of the first one.

Standard library alone, under the interpreter of any environment. A process connects to the leader at MASTER_ADDR and
MASTER_PORT, says the key of the attempt, is told where the input lies there, and is given tasks from then on.
"""

import hmac
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time

CONNECT_SECONDS = 60
BACKLOG = 128


def listen(config):
    """The socket at which processes of other instances arrive; None where there are none."""
    if config["instances"] < 2:
        return None
    return socket.create_server(("", int(os.environ["MASTER_PORT"])), backlog=BACKLOG)


def admit(listener, config):
    """The link of a process that knows the key; None for anybody else."""
    link, _ = listener.accept()
    link.settimeout(1)
    try:
        said = link.recv(256)
        if not hmac.compare_digest(said, config["key"].encode() + b"\n"):
            raise ConnectionError("it does not know the key")
        link.sendall((json.dumps({"input": config["input"]}) + "\n").encode())
    except OSError:
        link.close()
        return None
    link.settimeout(None)
    return link


def connect(config):
    """The link to the leader, as file objects to write and read; raises ConnectionError where it is gone."""
    place, until = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])), time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            link = socket.create_connection(place, timeout=5)
            break
        except OSError as error:
            if time.monotonic() > until:
                raise ConnectionError("the leader cannot be reached") from error
            time.sleep(0.2)
    link.settimeout(None)
    link.sendall(config["key"].encode() + b"\n")
    return link


class Watch:
    """Ends this process when the leader hangs up while it is busy: it took too long, or nobody waits for it."""

    def __init__(self, link):
        self.is_busy, self.link = False, link
        threading.Thread(target=self.look, daemon=True).start()

    def look(self):
        poll = select.poll()
        poll.register(self.link, select.POLLRDHUP)
        poll.poll()
        if self.is_busy:
            os._exit(70)


def here(task, theirs, ours):
    """A task whose paths are those of this machine."""

    def moved(path):
        return ours if path == theirs else os.path.join(ours, os.path.relpath(path, theirs))

    if "files" in task:
        return task | {"files": [moved(path) for path in task["files"]]}
    if "pieces" in task:
        return task | {"pieces": [piece | {"path": moved(piece["path"])} for piece in task["pieces"]]}
    return task


def follow(config, command):
    """Run the processes of this instance until the leader has no more for them; one that fails is started again."""
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(config["concurrency"])]
    while running:
        for process in list(running):
            code = process.poll()
            if code is None:
                continue
            running.remove(process)
            if code and leader_listens():
                running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        time.sleep(0.2)
    return 0


def leader_listens():
    try:
        socket.create_connection((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])), timeout=5).close()
    except OSError:
        return False
    return True


def command_of(script, config_path, arguments):
    return [sys.executable, "-u", script, "--join", config_path, *arguments]
