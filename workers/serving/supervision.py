"""Keeps the scoring server of one instance alive: starts, probes, restarts with back-off."""

import http.client
import logging
import threading
import time
from dataclasses import dataclass

from workers.containers.server import LOOPBACK
from workers.serving.instance import SERVER, Instance, InstanceSpec, Probe
from workers.serving.process import FAILED_TO_LOAD, Process, Start, Starter, error_in, last_words

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.1
STARTING_PERIOD = 0.3
# A life shorter than this counts as a failure, so that a server that dies of every request backs off.
SHORT_LIFE_SECONDS = 10
FAILED_STARTS = 2
LONGEST_PAUSE_SECONDS = 30
RETRY_FAILED_SECONDS = 60
LOG_BYTES = 64 * 2**20


@dataclass
class _Probing:
    """One kind of probe in one life of the process."""

    path: str
    port: int | None
    probe: Probe
    due_at: float
    counts_from: float
    failures: int = 0

    @classmethod
    def begin(cls, path: str, port: int | None, settings, now: float) -> "_Probing":
        """`port` is that of a container."""
        probe = Probe.of(settings)
        return cls(path, port, probe, now, now + probe.initial_delay)

    def settle(self, passed: bool, now: float, period: float) -> None:
        self.due_at = now + period
        if passed:
            self.failures = 0
        elif now >= self.counts_from:
            self.failures += 1

    @property
    def failed(self) -> bool:
        return self.failures >= self.probe.failure_threshold


class Supervision:
    """A thread that looks after one instance until it is told to end."""

    def __init__(self, spec: InstanceSpec, starter: Starter) -> None:
        self.spec = spec
        self.instance = Instance(spec.name, spec.log_path)
        self._starter = starter
        self._ending = threading.Event()
        self._drain_seconds = 0.0
        self._failures = 0
        self._port = 0
        self._outside: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name=f"keep {spec.name}", daemon=True)
        self._thread.start()

    def end(self, drain_seconds: float) -> None:
        """Returns at once; `join` waits until the process is gone."""
        self._drain_seconds = drain_seconds
        self._ending.set()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._live_once()
            except Exception as error:
                # A folder or an interpreter may be missing for a while.
                log.exception("instance %s", self.spec.name)
                self._died(f"The scoring server could not be started: {error}", was_ready=False, lived=0)
            if not self._ending.wait(self._pause()):
                self.instance.restarts += 1
        self.instance.state, self.instance.address = "Stopped", None

    def _pause(self) -> float:
        if self.instance.state == "Failed":
            return RETRY_FAILED_SECONDS
        return min(LONGEST_PAUSE_SECONDS, 0.5 * 2 ** (self._failures - 1)) if self._failures else 0.0

    def _live_once(self) -> None:
        """From a start to the death of the process, or until the instance should end."""
        size = self._log_size()
        process = self._start()
        started = time.monotonic()
        ready = _Probing.begin(*self._route("readiness_route", "/ready"), self.spec.readiness_probe, started)
        live = _Probing.begin(*self._route("liveness_route", "/live"), self.spec.liveness_probe, started)
        ready_at = None
        while not self._ending.wait(LOOK_SECONDS):
            ended = process.poll()
            self.instance.pid = process.pid if ended is None else None
            now = time.monotonic()
            if ended is None:
                ended = self._look(process, ready, live, now)
            if ready_at is None and self.instance.state == "Ready":
                ready_at = now
            if ended is not None:
                reason = self._reason(min(size, self._log_size())) if ready_at is None else None
                lived = now - ready_at if ready_at is not None else 0
                self._died(_sentence(reason, ended), was_ready=ready_at is not None, lived=lived)
                return
        process.end(self._drain_seconds)

    def _route(self, name: str, own: str) -> tuple[str, int | None]:
        """Path and port of a probe."""
        if self.spec.server is None:
            return own, None
        route = self.spec.server.routes[name]
        return route["path"], route["port"]

    def _reason(self, offset: int) -> str | None:
        found = error_in(self.spec.log_path, offset)
        return found if found or self.spec.server is None else last_words(self.spec.log_path)

    def _start(self) -> Process:
        spec = self.spec
        spec.write_config(self.instance.key, self._port, watch_stdin=self._starter.watches_stdin)
        container = None
        if spec.server is not None:
            # The same ports after a restart: routes that are still in memory somewhere stay right.
            self._outside = self._outside or spec.server.outside()
            container = spec.server.container(self._outside, spec.folder, spec.memory_bytes)
        if self._log_size() > LOG_BYTES:
            spec.log_path.unlink()
        if self.instance.state != "Failed":
            self.instance.state = "Starting"
        return self._starter.start(
            Start(
                name=spec.name,
                python=spec.python,
                arguments=(str(SERVER), "--config", str(spec.config_path)),
                folder=spec.folder,
                working_directory=spec.working_directory,
                environ=spec.full_environ(),
                log_path=spec.log_path,
                memory_bytes=spec.memory_bytes,
                readable=spec.readable,
                hidden=tuple(spec.hidden),
                container=container,
            )
        )

    def _log_size(self) -> int:
        return self.spec.log_path.stat().st_size if self.spec.log_path.exists() else 0

    def _look(self, process: Process, ready: _Probing, live: _Probing, now: float) -> str | None:
        """Probe what is due; a sentence when liveness failed for good and the process was ended for it."""
        address = self._address()
        if address is None:
            if now - ready.counts_from > ready.probe.period * ready.probe.failure_threshold:
                process.end(0)
                return "The scoring server did not begin to listen in time."
            return None
        if now >= ready.due_at:
            passed = self._passes(ready, address)
            is_ready = self._judge_readiness(ready, passed, address)
            ready.settle(passed, now, ready.probe.period if is_ready else min(STARTING_PERIOD, ready.probe.period))
        if now >= live.due_at:
            live.settle(self._passes(live, address), now, live.probe.period)
            if live.failed:
                process.end(0)
                return f"The liveness probe failed {live.failures} times in a row."
        return None

    def _judge_readiness(self, ready: _Probing, passed: bool, address: str) -> bool:
        instance = self.instance
        if passed:
            scores_at = self._route("scoring_route", "")[0]
            instance.state, instance.address, instance.error = "Ready", address + scores_at, None
        elif instance.state == "Ready" and ready.failures + 1 >= ready.probe.failure_threshold:
            instance.state = "Unhealthy"
            instance.error = f"The readiness probe failed {ready.failures + 1} times in a row."
        elif instance.state == "Starting" and self._is_late(ready):
            instance.state, instance.error = "Failed", self._late()
        return instance.state in ("Ready", "Unhealthy")

    def _late(self) -> str:
        if self.spec.server is None:
            return "The model was not loaded in time. It is still being loaded."
        route = self.spec.server.routes["readiness_route"]
        return f"The container has not answered at its readiness_route, port {route['port']}, path {route['path']}."

    @staticmethod
    def _is_late(ready: _Probing) -> bool:
        return time.monotonic() - ready.counts_from > ready.probe.period * ready.probe.failure_threshold

    def _address(self) -> str | None:
        if self.spec.server is not None:
            return f"{LOOPBACK}:{self._outside[self._route('scoring_route', '')[1]]}"
        try:
            address = self.spec.address_path.read_text()
        except FileNotFoundError:
            return None
        # The same port after a restart: routes that are still in memory somewhere stay right.
        self._port = int(address.rpartition(":")[2])
        return address

    def _passes(self, probing: _Probing, address: str) -> bool:
        if probing.port is not None:
            address = f"{LOOPBACK}:{self._outside[probing.port]}"
        connection = http.client.HTTPConnection(address, timeout=probing.probe.timeout)
        try:
            connection.request("GET", probing.path, headers={"x-atelier-instance-key": self.instance.key})
            status = connection.getresponse().status
            return status == 200 or (probing.port is not None and 200 < status < 400)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _died(self, sentence: str, *, was_ready: bool, lived: float) -> None:
        log.warning("instance %s: %s", self.spec.name, sentence)
        if was_ready and lived >= SHORT_LIFE_SECONDS:
            self._failures = 0
        else:
            self._failures += 1
        self.instance.address, self.instance.error = None, sentence
        if not was_ready:
            self._port, self._outside = 0, {}
        if self.instance.state == "Failed" or (not was_ready and self._failures >= FAILED_STARTS):
            self.instance.state = "Failed"
        else:
            self.instance.state = "Starting"


def _sentence(reason: str | None, ended: str) -> str:
    if reason is None:
        return ended
    return reason if reason.startswith(FAILED_TO_LOAD) else f"{ended} {reason}"
