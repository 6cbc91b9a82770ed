"""Follows a job: its states and its log, or its trials or steps, as they come."""

import codecs
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from app.sdk.errors import ClientError
from app.sdk.transport import Transport

FINAL = ("Completed", "Failed", "Canceled")
POLL_SECONDS = 0.4
PATIENCE_SECONDS = 120
SWEEP_SECONDS = 2
PIPELINE_SECONDS = 1
PROGRESS_SECONDS = 5
_AT_ONCE = 50


@dataclass(frozen=True)
class Change:
    """`text` is a piece of the log, or `job` the job in a new state."""

    text: str = ""
    job: dict | None = None


def follow(transport: Transport, name: str) -> Iterator[Change]:
    """Everything from the start of the log to the end of the job.

    Of a sweep, a line for each trial that has ended; of a pipeline, one for each step that begins, ends or is skipped.

    A server that is away for a while loses nothing: the log goes on where it stopped. Raises ClientError
    when it stays away for two minutes.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    offset, status, is_final = 0, "", False
    children: _Trials | _Steps | None = None
    while True:
        job = _patiently(lambda: transport.json("GET", f"/api/jobs/{name}"))
        ended = job["status"] in FINAL
        if job["status"] != status and not ended:
            status = job["status"]
            yield Change(job=job)
        if kind := _CHILDREN.get(job["type"]):
            children = children or kind(transport, job)
            yield from map(_text, children.news())
            if ended:
                yield Change(job=job)
                return
            time.sleep(kind.seconds)
            continue
        # After the end the log is read once more: what was printed last may have come since.
        while not is_final:
            at = offset
            piece = _patiently(lambda at=at: transport.send("GET", f"/api/jobs/{name}/logs", params={"offset": at}))
            offset = int(piece.headers.get("X-Log-Offset", at + len(piece.content)))
            is_final = piece.headers.get("X-Log-Final") == "true"
            if text := decoder.decode(piece.content):
                yield Change(text=text)
            if offset == at:
                break
        if ended:
            yield Change(job=job)
            return
        time.sleep(POLL_SECONDS)


def _text(line: str) -> Change:
    return Change(text=f"{line}\n")


class _Trials:
    """The trials of a sweep, of which each is told once, when it has ended."""

    seconds = SWEEP_SECONDS

    def __init__(self, transport: Transport, sweep: dict) -> None:
        self._transport, self._address = transport, f"/api/jobs/{sweep['name']}/trials"
        self._objective = sweep["objective"]
        self._told: set[int] = set()
        self._best: float | None = None

    def news(self) -> Iterator[str]:
        # Pages whose trials have all been told are not asked for again.
        page: int | None = 1
        while page and all(number in self._told for number in range((page - 1) * _AT_ONCE, page * _AT_ONCE)):
            page += 1
        while page:
            asked = {"page": page, "size": _AT_ONCE}
            found = _patiently(lambda asked=asked: self._transport.json("GET", self._address, params=asked))
            for trial in found["value"]:
                if trial["status"] in FINAL and trial["number"] not in self._told:
                    self._told.add(trial["number"])
                    yield self._line(trial)
            page = found["next_page"]

    def _line(self, trial: dict) -> str:
        said = [f"Trial {trial['number']}", trial["status"]]
        if trial["objective"] is not None:
            is_best = trial["status"] == "Completed" and self._improves(trial["objective"])
            said.append(f"{self._objective['primary_metric']} {trial['objective']:.6g}{' (best so far)' * is_best}")
        said.append(", ".join(f"{name}={_short(value)}" for name, value in trial["values"].items()))
        if trial["error"]:
            said.append(trial["error"]["message"])
        return "  ".join(said)

    def _improves(self, value: float) -> bool:
        sign = -1 if self._objective["goal"] == "minimize" else 1
        if self._best is not None and sign * value <= sign * self._best:
            return False
        self._best = value
        return True


class _Steps:
    """The steps of a pipeline, of which each state is told once."""

    seconds = PIPELINE_SECONDS

    def __init__(self, transport: Transport, pipeline: dict) -> None:
        self._transport, self._address = transport, f"/api/jobs/{pipeline['name']}/graph"
        self._told: dict[str, str] = {}
        self._measured = time.monotonic()

    def news(self) -> Iterator[str]:
        found = _patiently(lambda: self._transport.json("GET", self._address))
        for step in found["nodes"]:
            status = step["status"]
            if step["type"] == "parallel" and status == self._told.get(step["id"]) == "Running":
                yield from self._progress(step)
            if status in ("NotStarted", "Queued", "Preparing", "Finalizing") or self._told.get(step["id"]) == status:
                continue
            self._told[step["id"]] = status
            yield self._line(step)

    def _progress(self, step: dict) -> Iterator[str]:
        """How far a parallel step is, every few seconds."""
        if time.monotonic() - self._measured < PROGRESS_SECONDS:
            return
        self._measured = time.monotonic()
        done = _patiently(lambda: self._transport.json("GET", f"/api/jobs/{step['job']}/progress"))
        if done:
            said = [f"Step {step['display_name']}", f"{done['items']:,} {done['unit']}"]
            said += [f"{done['share']:.0%}"] if done["share"] is not None else []
            said += [f"{done['seconds_left']:.0f} s left"] if done["seconds_left"] else []
            yield "  ".join(said)

    def _line(self, step: dict) -> str:
        said = [f"Step {step['display_name']}", step["status"]]
        if step["reused_from"]:
            said.append(f"reused from {step['reused_from']}")
        elif step["status"] in FINAL and step["started"] and step["ended"]:
            took = datetime.fromisoformat(step["ended"]) - datetime.fromisoformat(step["started"])
            said.append(f"{took.total_seconds():.1f} s")
        if step["reason"]:
            said.append(step["reason"])
        return "  ".join(said)


_CHILDREN = {"sweep": _Trials, "pipeline": _Steps}


def _short(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _patiently(call):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except ClientError as error:
            away = error.status is None or error.status in (502, 503, 504)
            if not away or time.monotonic() > deadline:
                raise
            time.sleep(1)
