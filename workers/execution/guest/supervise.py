"""The supervisor of one job: starts the user's process, watches its whole tree, and ends it.

It talks with the worker over one socket, in lines of JSON: first the job, then `cancel` from the
worker; to it the process id, and at last the outcome. When the socket closes, the worker is gone,
and so the tree must go. Standard library only: it runs under the interpreter of any environment.
"""

import ctypes
import json
import os
import select
import signal
import socket
import sys
import time

import cgroup
import confine
import container
import output
import size
import tree

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3.0
LOOK_SECONDS = 0.2
# The part of one core that looking at the tree may take.
MOST_LOOKING = 0.05
_libc = ctypes.CDLL(None, use_errno=True)


class Waiting:
    """The user's process before it has a job: where it is told of one, and where what it prints is read."""

    def __init__(self, pid, teller, printed):
        self.pid = pid
        self.printed = printed
        self._teller = teller

    def tell(self, job):
        with open(self._teller, "wb") as file:
            file.write(json.dumps(job).encode())


def divide():
    """Fork what becomes the user's process, ahead of its job, as a fork of a large process takes a while.

    Returns a `Waiting` in the supervisor; in the user's process, the job, once it is fenced in for it.
    """
    if os.getsid(0) != os.getpid():
        os.setsid()
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    printed, theirs = os.pipe()
    told, teller = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(teller)
        with open(told, "rb") as file:
            text = file.read()
        if not text:
            os._exit(0)
        job = json.loads(text)
        _become_user(job, theirs)
        return job
    os.close(theirs)
    os.close(told)
    os.set_blocking(printed, False)
    return Waiting(child, teller, printed)


class Supervisor:
    def __init__(self, job, connection, waiting):
        self.job = job
        self.connection = connection
        self.child = waiting.pid
        self.waiting = waiting
        self.limits = job["limits"]
        self.log = output.Log(job["log_path"], self.limits["log_bytes"])
        self.size = size.FolderSize(job["folder"])
        self.cause = None
        self.amount = None
        self.ended_status = None
        # Nothing is left to watch, and how the child ended is not known.
        self.is_bereft = False
        self.kill_at = None
        self.started = time.monotonic()
        self.look_at = 0.0

    def run(self):
        """Returns when nothing is left of the job."""
        printed = self.waiting.printed
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self.waiting.tell(self.job)
        # From here, as it can take the kernel 20 ms, which the user's process need not wait for.
        self.groups = cgroup.Groups(self.job["mark"], self.limits.get("processes"), self.limits.get("memory_bytes"))
        self.groups.take(self.child)
        self._tell({"pid": self.child})
        self._watch(printed, wake)
        tree.end(os.getpid())
        why = container.end(self.job["container"]) if self.job.get("container") else {}
        if why and self.cause is None:
            self.cause, self.amount = why["cause"], why["amount"]
        self.log.drain(printed)
        self._tell(self._outcome())
        self.groups.remove()

    def _watch(self, printed, wake):
        readers = [printed, wake, self.connection]
        # The child may have ended before its signal had a handler.
        self.ended_status = tree.reap().get(self.child)
        while self.ended_status is None and not self.is_bereft:
            ready, _, _ = select.select(readers, [], [], LOOK_SECONDS / 2)
            if printed in ready and not self.log.copy(printed):
                readers.remove(printed)
            if wake in ready:
                wake.recv(4096)
            self.ended_status = tree.reap().get(self.child, self.ended_status)
            if self.connection in ready:
                self._listen(readers)
            self._check()

    def _listen(self, readers):
        try:
            word = self.connection.recv(64)
        except ConnectionError:
            word = b""
        if not word:
            readers.remove(self.connection)
            self._end_now("lost")
        elif word.startswith(b"cancel"):
            self._ask_to_end("canceled")

    def _check(self):
        moment = time.monotonic()
        if self.kill_at is not None and moment > self.kill_at:
            self._end_now(self.cause)
            return
        timeout = self.limits.get("timeout_seconds")
        if timeout and moment - self.started > timeout and self.cause is None:
            self.amount = timeout
            self._ask_to_end("timeout")
        if self.log.error:
            self.amount = self.log.error
            self._end_now("log")
        elif moment > self.look_at:
            self._measure()
            moment, began = time.monotonic(), moment
            self.look_at = moment + max(LOOK_SECONDS, (moment - began) / MOST_LOOKING)

    def _measure(self):
        pids = tree.descendants(os.getpid())
        self.is_bereft = not pids
        processes, memory, disk = (self.limits.get(name) for name in ("processes", "memory_bytes", "disk_bytes"))
        if processes and len(pids) > processes:
            self._exceeded("processes", len(pids))
        elif memory and (tree.memory(pids, memory) > memory or self.groups.ran_out_of_memory()):
            self._exceeded("memory", tree.memory(pids, memory))
        elif disk:
            held = self.size.exceeds(disk)
            if held:
                self._exceeded("disk", held)

    def _exceeded(self, cause, amount):
        if self.cause is None:
            self.amount = amount
            self._end_now(cause)

    def _ask_to_end(self, cause):
        self.cause = self.cause or cause
        self.kill_at = self.kill_at or time.monotonic() + GRACE_SECONDS
        tree.ask_to_end(os.getpid())

    def _end_now(self, cause):
        self.cause = self.cause or cause
        self.kill_at = None
        self.ended_status = tree.end(os.getpid()).get(self.child, self.ended_status)

    def _outcome(self):
        status = self.ended_status
        exited = status is not None and os.WIFEXITED(status)
        signalled = status is not None and os.WIFSIGNALED(status)
        if self.cause is None and status != 0 and self.groups.ran_out_of_memory():
            self.cause = "memory"
        return {
            "exit_code": os.WEXITSTATUS(status) if exited else None,
            "signal": os.WTERMSIG(status) if signalled else None,
            "cause": self.cause or ("signal" if signalled else "exited" if exited else "lost"),
            "amount": self.amount,
        }

    def _tell(self, what):
        try:
            self.connection.sendall(json.dumps(what).encode() + b"\n")
        except OSError:
            # The worker is gone, which the next look at the socket finds.
            pass


def _become_user(job, printed):
    try:
        if job.get("container"):
            container.confine(job, printed)
            container.start(job)
        confine.confine(job, printed)
    except BaseException as error:
        os.write(2, f"The job could not be started: {error}\n".encode())
        os._exit(126)


def run_by_bash(job):
    """Does not return."""
    os.execve("/bin/bash", ["bash", "-c", job["command"]], job["environ"])


def read_job(connection):
    """One line of JSON; ends the process when there is none."""
    text = b""
    while not text.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            os._exit(0)
        text += piece
    return json.loads(text)


if __name__ == "__main__":
    link = socket.socket(fileno=int(sys.argv[1]))
    waiting = divide()
    if not isinstance(waiting, Waiting):
        run_by_bash(waiting)
    Supervisor(read_job(link), link, waiting).run()
