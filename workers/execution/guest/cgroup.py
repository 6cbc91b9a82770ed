"""A control group that caps how many processes a job may have, where this process may make one."""

import os

PLACES = ("/sys/fs/cgroup/pids", "/sys/fs/cgroup")
# The watchdog acts at the limit itself and says so; this is for what is faster than it.
HEADROOM = 32


class Group:
    def __init__(self, name, processes):
        self.path = self._make(f"atelier-{name}", processes) if processes else None

    @staticmethod
    def _make(name, processes):
        for place in PLACES:
            path = os.path.join(place, name)
            try:
                os.mkdir(path)
                with open(os.path.join(path, "pids.max"), "w") as file:
                    file.write(str(processes + HEADROOM))
                return path
            except OSError:
                _remove(path)
        return None

    def join(self):
        if self.path:
            try:
                with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
                    file.write("0")
            except OSError:
                pass

    def remove(self):
        if self.path:
            _remove(self.path)


def _remove(path):
    try:
        os.rmdir(path)
    except OSError:
        pass
