"""The supervisor of one job: starts the user's process, watches its whole tree, and ends it.

It talks with the worker over one socket: first the job as a line of JSON, then `cancel` from the
worker, and one line of JSON with the outcome to it. When the socket closes, the worker is gone, and
so the tree must go. Standard library only: it runs under the interpreter of any environment.
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time

import cgroup
import landlock
import privileges
import tree

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_SECONDS = 3.0
LOOK_SECONDS = 0.2
SIZE_SECONDS = 2.0
PIPE_BYTES = 1 << 20
TEMPORARY = ("/tmp", "/var/tmp", "/dev")
_libc = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    """`run_user_code()` is called in the user's process and must not return."""

    def __init__(self, job, connection, run_user_code):
        self.job = job
        self.connection = connection
        self.run_user_code = run_user_code
        self.limits = job["limits"]
        self.cause = None
        self.amount = None
        self.ended_status = None
        self.kill_at = None
        self.started = time.monotonic()
        self.looked = self.measured = 0.0
        self.logged = 0

    def run(self):
        if os.getsid(0) != os.getpid():
            os.setsid()
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.log = os.open(self.job["log_path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.group = cgroup.Group(self.job["mark"], self.limits.get("processes"))
        output, theirs = os.pipe()
        os.set_blocking(output, False)
        wake, waker = socket.socketpair()
        self.child = os.fork()
        if self.child == 0:
            os.close(output)
            self._become_user(theirs)
        os.close(theirs)
        waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._watch(output, wake)
        tree.end(os.getpid())
        self._drain(output)
        self.group.remove()
        self._report()

    def _watch(self, output, wake):
        readers = [output, wake, self.connection]
        while self.ended_status is None:
            ready, _, _ = select.select(readers, [], [], LOOK_SECONDS / 2)
            if output in ready and not self._copy(output):
                readers.remove(output)
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
            self.cause = self.cause or "canceled"
            tree.ask_to_end(os.getpid())
            self.kill_at = time.monotonic() + GRACE_SECONDS

    def _check(self):
        moment = time.monotonic()
        if self.kill_at is not None and moment > self.kill_at:
            self._end_now(self.cause)
            return
        timeout = self.limits.get("timeout_seconds")
        if timeout and moment - self.started > timeout and self.cause is None:
            self.cause, self.amount = "timeout", timeout
            tree.ask_to_end(os.getpid())
            self.kill_at = moment + GRACE_SECONDS
        if moment - self.looked > LOOK_SECONDS:
            self.looked = moment
            self._measure(moment)

    def _measure(self, moment):
        pids = tree.descendants(os.getpid())
        if self._is_over("processes", len(pids)):
            return
        limit = self.limits.get("memory_bytes")
        if limit and self._is_over("memory", tree.memory(pids, limit), limit):
            return
        if self.limits.get("disk_bytes") and moment - self.measured > SIZE_SECONDS:
            self.measured = moment
            self._is_over("disk", tree.folder_size(self.job["folder"]), self.limits["disk_bytes"])

    def _is_over(self, cause, used, limit=None):
        limit = limit or self.limits.get(cause)
        if not limit or used <= limit or self.cause:
            return False
        self.amount = used
        self._end_now(cause)
        return True

    def _end_now(self, cause):
        self.cause = self.cause or cause
        self.kill_at = None
        self.ended_status = tree.end(os.getpid()).get(self.child, self.ended_status)

    def _copy(self, output):
        """Move what was printed to the log; False at its end. Beyond the limit it is read and dropped."""
        try:
            data = os.read(output, PIPE_BYTES)
        except BlockingIOError:
            return True
        if not data:
            return False
        left = self.limits["log_bytes"] - self.logged
        if left > 0:
            self._write(data[:left])
            if len(data) >= left:
                megabytes = self.limits["log_bytes"] / 1e6
                self._write(f"\n[The output is cut here, at {megabytes:.0f} MB.]\n".encode())
        self.logged += len(data)
        return True

    def _write(self, data):
        try:
            os.write(self.log, data)
        except OSError as error:
            self.amount = str(error)
            self._end_now("log")

    def _drain(self, output):
        """What is in the pipe still belongs to the log; its writers are dead."""
        while select.select([output], [], [], 0)[0] and self._copy(output):
            pass

    def _report(self):
        status = self.ended_status
        signalled = status is not None and os.WIFSIGNALED(status)
        outcome = {
            "exit_code": os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if signalled else None,
            "cause": self.cause or ("signal" if signalled else "exited"),
            "amount": self.amount,
        }
        try:
            self.connection.sendall(json.dumps(outcome).encode() + b"\n")
        except OSError:
            pass

    def _become_user(self, output):
        """In the user's process: everything that fences it in, then its code."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setpgid(0, 0)
            # Should the supervisor be killed, the user's process goes with it.
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self.group.join()
            nothing = os.open(os.devnull, os.O_RDONLY)
            for handle, number in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(handle, number)
            _set_limits(self.limits)
            os.chdir(self.job["working_directory"])
            landlock.restrict((self.job["folder"],), TEMPORARY, self.job["readable"], self.job["hidden"])
            privileges.drop()
            _close_others()
        except BaseException as error:
            os.write(2, f"The job could not be started: {error}\n".encode())
            os._exit(126)
        self.run_user_code(self.job)
        os._exit(127)


def _set_limits(limits):
    os.nice(5)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    _limit(resource.RLIMIT_CORE, 0)
    if limits.get("disk_bytes"):
        _limit(resource.RLIMIT_FSIZE, limits["disk_bytes"])
    # A driver of a GPU maps more than the machine has, which this limit would count.
    if limits.get("memory_bytes") and not os.path.exists("/dev/nvidiactl"):
        _limit(resource.RLIMIT_DATA, limits["memory_bytes"])


def _limit(kind, value):
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _close_others():
    """Nothing that the worker or a warm process has open is the user's."""
    os.closerange(3, 4096)


def run_by_bash(job):
    os.execve("/bin/bash", ["bash", "-c", job["command"]], job["environ"])


def read_job(connection):
    """One line of JSON."""
    text = b""
    while not text.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            sys.exit(0)
        text += piece
    return json.loads(text)


if __name__ == "__main__":
    link = socket.socket(fileno=int(sys.argv[1]))
    Supervisor(read_job(link), link, run_by_bash).run()
