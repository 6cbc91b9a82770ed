"""What a process does to itself before it becomes the user's: limits, fence, streams. Standard library only."""

import ctypes
import os
import resource
import signal

import landlock
import privileges
import sockets

PR_SET_PDEATHSIG = 1
TEMPORARY = ("/tmp", "/var/tmp")
_libc = ctypes.CDLL(None, use_errno=True)


def confine(job, output):
    """`output` becomes both streams. Raises OSError where the folder or the fence cannot be had."""
    _reset_signals()
    os.setpgid(0, 0)
    # Should the supervisor be killed, the user's process goes with it.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(handle, number)
    _set_limits(job["limits"])
    os.chdir(job["working_directory"])
    sockets.hide(job["sockets"])
    landlock.restrict((job["folder"],), TEMPORARY, job["readable"], job["hidden"])
    privileges.drop()
    # Nothing that the worker or a warm process has open is the user's.
    os.closerange(3, 4096)


def _reset_signals():
    """To what an interpreter sets when it starts. Bash and its children keep what is ignored."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    # A file over the limit is then an error that names itself, not a death.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
