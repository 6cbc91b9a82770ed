"""Runs one pod from its making to its end, as the command line of an engine does a container; and removes it.

`python -m workers.containers.kubernetes.run run FILE` prints what the pod prints and ends as it does, and
`… remove FILE` leaves nothing of it. FILE is what `pod.Asked` wrote.
"""

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from workers.containers.kubernetes import status
from workers.containers.kubernetes.api import Access, Api, Refused, Unreachable, connect
from workers.containers.kubernetes.status import End

WATCH_SECONDS = 5
# How long a log may be silent before it is looked whether the pod is still there.
SILENT_SECONDS = 30.0
# How long the status of a pod may come after the end of its log.
STATUS_SECONDS = 3.0
# How long the API may be away, as while it is updated.
AWAY_SECONDS = 300.0
# An API server that has just started does not know yet who may what.
REFUSING_SECONDS = 60.0
EVENTS_SECONDS = 10.0
# How often, and how long, an image may fail to be pulled: a registry may be away for a moment.
PULL_FAILURES = 2
PULL_SECONDS = 60.0
GRACE_SECONDS = 2
GONE_SECONDS = 30.0
NOT_STARTED = 125
PIECE = 16_384
STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)(?= |$)")


@dataclass(frozen=True)
class Asked:
    """`made` are the secrets and the service that go with the pod, as kind (the word in their address) and body.

    `story` takes lines of JSON about how the pod is, `end` how it ended where an exit code does not tell.
    """

    access: Access
    pod: dict[str, Any]
    made: list[tuple[str, dict[str, Any]]]
    story: str
    end: str
    timeout_seconds: float | None
    wait_seconds: float

    def write(self, file: Path) -> None:
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "Asked":
        found = json.loads(file.read_text())
        return cls(**{**found, "access": Access(**found["access"])})


class Failed(Exception):
    """In one sentence for the job's user."""


class Canceled(BaseException):
    """Asked for by a signal."""


class Run:
    def __init__(self, asked: Asked, api: Api) -> None:
        self.asked = asked
        self.api = api
        self.name = asked.pod["metadata"]["name"]
        self.image = asked.pod["spec"]["containers"][0]["image"]
        self.started: float | None = None

    def run(self) -> int:
        try:
            self._make()
            end = self._wait_for_start() or self._follow()
        except Failed as failed:
            end = End(None, failure=str(failed))
        if end.failure:
            return self._end("container", end.failure)
        if end.is_out_of_memory and not self._has_memory_limit:
            return self._end("container", "The pod ran out of memory: its node, or a limit of its namespace, ended it.")
        return self._end("memory", None, end.code) if end.is_out_of_memory else end.code

    @property
    def _has_memory_limit(self) -> bool:
        return "memory" in self.asked.pod["spec"]["containers"][0]["resources"].get("limits", {})

    def _end(self, cause: str, amount: str | float | None, code: int | None = None) -> int:
        Path(self.asked.end).write_text(json.dumps({"cause": cause, "amount": amount}))
        return code or NOT_STARTED

    def _make(self) -> None:
        """The pod is made last but one: what belongs to it is deleted by the cluster along with it."""
        try:
            for kind, body in self.asked.made:
                self._make_one(kind, body)
            pod = self._make_one("pods", self.asked.pod)
            owner = {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": pod["metadata"]["uid"]}
            for kind, body in self.asked.made:
                owned = {"metadata": {"ownerReferences": [owner]}}
                self.api.request("PATCH", f"{kind}/{body['metadata']['name']}", owned, patch=True)
        except Refused as refused:
            raise Failed(f"Kubernetes refused the pod: {refused}") from refused
        except httpx.TransportError as error:
            raise Failed(f"Kubernetes could not be reached: {error}") from error
        self._tell(say=f"Pod {self.api.namespace}/{self.name} was made")

    def _make_one(self, kind: str, body: dict) -> dict:
        return self.api.request("POST", kind, body)

    def _wait_for_start(self) -> End | None:
        """None once the container has started; raises Failed where it never will."""
        began, told, pulls, pull_failed = time.monotonic(), set(), 0, False
        scheduled: float | None = None
        missing_since: float | None = None
        why_missing: str | None = None
        look_at = time.monotonic() + EVENTS_SECONDS
        for pod in self._looks():
            if pod is not None and status.has_started(pod):
                self.started = time.monotonic()
                self._tell(started={"pod": self.name, "node": status.node_of(pod)})
                return None
            if end := status.end_of(pod):
                return end
            if hopeless := status.hopeless(pod):
                raise Failed(hopeless)
            reason, message = status.waiting(pod)
            moment = time.monotonic()
            is_missing = reason in status.NO_IMAGE
            missing_since = (missing_since or moment) if is_missing else None
            if reason == "ErrImagePull":
                why_missing = status.image_missing(self.image, message)
            if reason == "ErrImagePull" and not pull_failed:
                pulls += 1
                self._tell(say=why_missing)
            pull_failed = reason == "ErrImagePull"
            if is_missing and (pulls >= PULL_FAILURES or _is_over(missing_since, PULL_SECONDS)):
                raise Failed(why_missing or status.image_missing(self.image, message))
            if status.node_of(pod) and scheduled is None:
                scheduled = moment
                self._tell(say=f"Pod {self.name} goes to node {status.node_of(pod)}")
            why = status.unscheduled(pod) if scheduled is None else None
            if scheduled is not None and moment > look_at and not is_missing:
                look_at = moment + EVENTS_SECONDS
                why = self._warning()
            if why and why not in told:
                told.add(why)
                self._tell(say=f"The pod waits: {why}")
            if why and moment - (scheduled or began) > self.asked.wait_seconds:
                where = "did not start" if scheduled else "found no node"
                raise Failed(f"The pod {where} within {self.asked.wait_seconds:.0f} seconds: {why}")
        raise Failed("The cluster no longer tells of the pod.")

    def _warning(self) -> str | None:
        try:
            found = self.api.request("GET", "events", fieldSelector=f"involvedObject.name={self.name}")
        except (Refused, httpx.TransportError):
            return None
        return status.newest_warning(found["items"])

    def _looks(self):
        """What the pod is, whenever that changes and every few seconds, over times at which the API is away."""
        away_since: float | None = None
        while True:
            try:
                for pod in self.api.watch("pods", self.name, int(min(WATCH_SECONDS, max(1, self.asked.wait_seconds)))):
                    away_since = None
                    yield pod
            except (httpx.TransportError, Refused) as error:
                away_since = away_since or time.monotonic()
                if _is_over(away_since, REFUSING_SECONDS if isinstance(error, Refused) else AWAY_SECONDS):
                    raise Failed(f"Kubernetes no longer tells of the pod: {error}") from error
                time.sleep(1)

    def _follow(self) -> End:
        """Print what the pod prints until it has ended."""
        printer, told = Printer(), set()
        end: End | None = None
        while True:
            try:
                self._print(printer)
            except Refused as refused:
                # Its node may be away; the pod is not ended for that.
                if str(refused) not in told:
                    told.add(str(refused))
                    self._tell(say=f"The pod's log cannot be read: {refused}")
            except httpx.TransportError:
                pass
            if end:
                return end
            self._check_time()
            end = self._ended_soon()

    def _print(self, printer: "Printer") -> None:
        seconds = SILENT_SECONDS
        if self.asked.timeout_seconds:
            seconds = min(seconds, max(0.5, self.started + self.asked.timeout_seconds - time.monotonic()))
        since = {"sinceTime": printer.since} if printer.since else {}
        address = f"pods/{self.name}/log"
        with self.api.stream(
            address, seconds, container=status.CONTAINER, follow="true", timestamps="true", **since
        ) as answer:
            printer.begin()
            for data in answer.iter_raw():
                printer.take(data)
                self._check_time()
            printer.end()

    def _check_time(self) -> None:
        allowed = self.asked.timeout_seconds
        if allowed and _is_over(self.started, allowed):
            sys.exit(self._end("timeout", allowed, 128 + signal.SIGTERM))

    def _ended_soon(self) -> End | None:
        until = time.monotonic() + STATUS_SECONDS
        for pod in self._looks():
            end = status.end_of(pod)
            if end or time.monotonic() > until:
                return end
        return None

    def stop(self) -> None:
        """Ask the pod to end, and print what it has to say to that; whoever sent the signal does not wait long."""
        with contextlib.suppress(httpx.TransportError, Refused, Failed):
            self.api.request("DELETE", f"pods/{self.name}", gracePeriodSeconds=GRACE_SECONDS)

    def _tell(self, **what: Any) -> None:
        with Path(self.asked.story).open("a") as file:
            file.write(json.dumps(what) + "\n")


class Printer:
    """Passes a log on without the times that it is asked for with, by which it goes on where it was cut off."""

    def __init__(self, write: Callable[[bytes], Any] = lambda data: os.write(1, data)) -> None:
        self._write = write
        self._last = self._seen = b""
        self._left = b""

    @property
    def since(self) -> str:
        """The second of the last line, empty before the first."""
        found = STAMP.match(self._last)
        return (found[1] + found[2]).decode() if found else ""

    def begin(self) -> None:
        """What comes begins with the second of the last line, of which some was printed."""
        self._seen, self._left = self._last, b""

    def take(self, data: bytes) -> None:
        *lines, self._left = (self._left + data).split(b"\n")
        printed = b"".join(text + b"\n" for line in lines if (text := self._new(line)) is not None)
        if printed:
            self._write(printed)

    def end(self) -> None:
        """A line that the end cut off."""
        if self._left and (text := self._new(self._left)) is not None:
            self._write(text)
        self._left = b""

    def _new(self, line: bytes) -> bytes | None:
        stamp, _, text = line.partition(b" ")
        if stamp <= self._seen:
            return None
        self._last = stamp
        at = PIECE
        # Nodes keep long lines in pieces, and those before version 1.28 put the time before each.
        while len(text) > at and (found := STAMP.match(text, at)):
            text = text[:at] + text[found.end() + 1 :]
            at += PIECE
        return text


def _is_over(since: float, seconds: float) -> bool:
    return time.monotonic() - since > seconds


def remove(asked: Asked, api: Api) -> None:
    """Delete the pod and wait until nothing of it runs; where its node is silent, it is only forgotten."""
    name = asked.pod["metadata"]["name"]
    until = time.monotonic() + GONE_SECONDS
    with contextlib.suppress(Refused):
        found = api.request("DELETE", f"pods/{name}", gracePeriodSeconds=GRACE_SECONDS)
        while "running" in status.state(found):
            if time.monotonic() > until:
                api.request("DELETE", f"pods/{name}", gracePeriodSeconds=0)
            time.sleep(0.3)
            found = api.request("GET", f"pods/{name}")
    for kind, body in asked.made:
        with contextlib.suppress(Refused):
            api.request("DELETE", f"{kind}/{body['metadata']['name']}")


def main(what: str, file: str) -> int:
    asked = Asked.read(Path(file))
    try:
        api = connect(asked.access)
        if what == "remove":
            remove(asked, api)
            return 0
    except (Unreachable, httpx.TransportError) as error:
        print(f"Kubernetes could not be reached: {error}", file=sys.stderr)
        return NOT_STARTED
    run = Run(asked, api)

    def cancel(*_) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Canceled

    signal.signal(signal.SIGTERM, cancel)
    try:
        return run.run()
    except Canceled:
        run.stop()
        return 128 + signal.SIGTERM


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
