"""Carries what a job prints from this machine to the artifact store, where everybody can read it."""

import logging
from datetime import datetime
from pathlib import Path

from app.kit import live
from app.kit.clock import now
from app.kit.storage import store
from workers.execution.prepare import Plan

log = logging.getLogger(__name__)
PIECE = 1 << 20


class Shipper:
    """Appends what is new in a local file to the stored log, and hints that there is more."""

    def __init__(self, plan: Plan, source: Path) -> None:
        self.key = plan.log_key
        self.channel = f"job:{plan.job_id}"
        self.source = source
        self.offset = 0

    def ship(self) -> None:
        try:
            size = self.source.stat().st_size
        except FileNotFoundError:
            return
        if size == self.offset:
            return
        with self.source.open("rb") as file:
            file.seek(self.offset)
            while data := file.read(PIECE):
                store().append(self.key, data)
                self.offset += len(data)
        live.hint(self.channel, "log")

    def finish(self) -> None:
        self.ship()
        live.hint(self.channel, "log")


class SystemLog:
    """What the worker did for a job, a line each with the time."""

    def __init__(self, plan: Plan) -> None:
        self.key = plan.system_log_key
        self.channel = f"job:{plan.job_id}"
        self.waiting: list[str] = []
        self.written: datetime | None = None

    def write(self, line: str) -> None:
        self.waiting.append(f"{now():%Y-%m-%d %H:%M:%S} {line}\n")
        if self.written is None or (now() - self.written).total_seconds() > 0.3:
            self.flush()

    def flush(self) -> None:
        text, self.waiting = "".join(self.waiting), []
        if text:
            store().append(self.key, text.encode())
            live.hint(self.channel, "log")
        self.written = now()

    def close(self) -> None:
        try:
            self.flush()
        except Exception:
            log.exception("the last lines of %s are lost", self.key)
