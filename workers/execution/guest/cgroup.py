"""Control groups that cap the processes and the memory of a job, where this process may make them.

They are the backstop for what is faster than the watchdog, which acts at the limits and says so.
Versions 1 and 2 of the kernel's interface, by its admin-guide. Standard library only.
"""

import os

ROOT = "/sys/fs/cgroup"
PREFIX = "atelier-"
# Groups count threads, of which libraries start several a process and a core.
TASKS_A_PROCESS, TASKS_A_CORE = 4, 64
MEMORY_HEADROOM = 1.05


class Groups:
    def __init__(self, mark, processes, memory_bytes):
        tasks = processes and processes * TASKS_A_PROCESS + TASKS_A_CORE * (os.cpu_count() or 1)
        memory = memory_bytes and int(memory_bytes * MEMORY_HEADROOM)
        if os.path.exists(os.path.join(ROOT, "cgroup.controllers")):
            wanted = [("", {"pids.max": tasks, "memory.max": memory})]
        else:
            wanted = [("pids", {"pids.max": tasks}), ("memory", {"memory.limit_in_bytes": memory})]
        made = (_make(os.path.join(ROOT, place, PREFIX + mark), caps) for place, caps in wanted)
        self.paths = [path for path in made if path]

    def take(self, pid):
        """Make the process, and what it will fork, a member."""
        for path in self.paths:
            _write(os.path.join(path, "cgroup.procs"), pid)

    def ran_out_of_memory(self):
        """Whether the kernel killed a member because they hold more than they may."""
        return any(self._killed(path, name) for path in self.paths for name in ("memory.events", "memory.oom_control"))

    @staticmethod
    def _killed(path, name):
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in _lines(path, name))

    def remove(self):
        for path in self.paths:
            _remove(path)


def members(mark):
    """The processes of a job whose supervisor is gone."""
    found = []
    for place in ("", "pids", "memory"):
        found += [int(line) for line in _lines(os.path.join(ROOT, place, PREFIX + mark), "cgroup.procs")]
    return found


def remove_empty():
    """Remove the groups that supervisors could not, as they were killed."""
    for place in ("", "pids", "memory"):
        folder = os.path.join(ROOT, place)
        if os.path.isdir(folder):
            for name in os.listdir(folder):
                if name.startswith(PREFIX):
                    _remove(os.path.join(folder, name))


def _make(path, caps):
    """The path, when at least one of the caps holds; None where groups cannot be made."""
    caps = {name: value for name, value in caps.items() if value}
    if not caps:
        return None
    try:
        os.mkdir(path)
    except OSError:
        return None
    held = [_write(os.path.join(path, name), value) for name, value in caps.items()]
    if not any(held):
        _remove(path)
        return None
    return path


def _write(path, value):
    try:
        with open(path, "w") as file:
            file.write(str(value))
        return True
    except OSError:
        return False


def _lines(path, name):
    try:
        with open(os.path.join(path, name)) as file:
            return file.read().splitlines()
    except OSError:
        return []


def _remove(path):
    try:
        os.rmdir(path)
    except OSError:
        pass
