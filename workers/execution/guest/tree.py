"""The processes below one process: who they are, what they use, and the end of them. Linux's /proc."""

import os
import signal
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def descendants(root):
    """Process ids below `root`, without it. Orphans count, as `root` is their subreaper."""
    children_of = _children if LISTS_CHILDREN else _parents().get
    found, waiting = [], [root]
    while waiting:
        children = children_of(waiting.pop()) or ()
        found += children
        waiting += children
    return found


def _children(pid):
    children = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                children += [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return children


def _parents():
    """Children by their parent, for kernels that were built without such a list."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _stat(name)
            if stat:
                found.setdefault(int(stat[1]), []).append(int(name))
    return found


def _stat(pid):
    """What follows the name in /proc/PID/stat: state, parent and so on; empty when it has gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def memory(pids, limit):
    """Bytes that the processes hold. Pages that they share count once, where it matters for `limit`."""
    total = sum(_resident(pid) for pid in pids)
    if total <= limit:
        return total
    return sum(_proportional(pid) for pid in pids)


def _resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def ask_to_end(root):
    for pid in descendants(root):
        _signal(pid, signal.SIGTERM)


def end(root, seconds=5.0):
    """Kill everything below `root`: first stop it all, so that nothing forks while it is killed.

    Returns what `reap` does.
    """
    ended = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive = [pid for pid in descendants(root) if not _is_dead(pid)]
        if not alive:
            break
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in alive:
                _signal(pid, number)
        ended.update(reap())
        time.sleep(0.005)
    ended.update(reap())
    return ended


def reap():
    """Collect children that have ended; returns their raw wait statuses by process id."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def _is_dead(pid):
    stat = _stat(pid)
    return not stat or stat[0] in "ZX"


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
