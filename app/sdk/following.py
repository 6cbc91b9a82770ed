"""Follows a job: its states and its log, as they come."""

import codecs
import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.sdk.errors import ClientError
from app.sdk.transport import Transport

FINAL = ("Completed", "Failed", "Canceled")
POLL_SECONDS = 0.4
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Change:
    """`text` is a piece of the log, or `job` the job in a new state."""

    text: str = ""
    job: dict | None = None


def follow(transport: Transport, name: str) -> Iterator[Change]:
    """Everything from the start of the log to the end of the job.

    A server that is away for a while loses nothing: the log goes on where it stopped. Raises ClientError
    when it stays away for two minutes.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    offset, status, is_final = 0, "", False
    while True:
        job = _patiently(lambda: transport.json("GET", f"/api/jobs/{name}"))
        ended = job["status"] in FINAL
        if job["status"] != status and not ended:
            status = job["status"]
            yield Change(job=job)
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
