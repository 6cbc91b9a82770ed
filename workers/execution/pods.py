"""What the program that runs a job's pod tells meanwhile, passed on to the job."""

import json
from collections.abc import Callable
from pathlib import Path

from workers.execution.logs import SystemLog


class Story:
    """Lines of JSON: `say` is for the system log; `started` has the pod and its node, once."""

    def __init__(self, source: Path, system_log: SystemLog, start: Callable[[dict[str, str]], None]) -> None:
        self._source = source
        self._system_log = system_log
        self._start = start
        self._offset = 0
        self.has_started = False

    def ship(self) -> None:
        if not self._source.exists():
            return
        with self._source.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        for told in map(json.loads, data[:whole].splitlines()):
            if "say" in told:
                self._system_log.write(told["say"])
            if "started" in told and not self.has_started:
                self.has_started = True
                where = told["started"]
                self._system_log.write(f"Started in pod {where['pod']} on node {where['node']}")
                self._start(where)
        if whole:
            self._system_log.flush()

    def finish(self) -> None:
        self.ship()
