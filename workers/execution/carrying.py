"""Carries what a parallel step is at to the artifact store: how far it is, for those who look, and its journal, from
which another worker goes on when this one is lost."""

import time
from pathlib import Path

from app.jobs.places import journals_key, progress_key
from app.kit import live
from app.kit.storage import store
from workers.execution.folder import JobFolder
from workers.execution.logs import PIECE
from workers.execution.parallel import EARLIER, JOURNAL, PROGRESS
from workers.execution.prepare import Plan

SECONDS = 1


class Carrier:
    """Does nothing for any other job, and on all instances but the first, which leads."""

    def __init__(self, plan: Plan, folder: JobFolder) -> None:
        self.is_needed = bool(plan.spec.get("parallel")) and plan.rank == 0
        self.journals = journals_key(plan.workspace_id, plan.name)
        self.progress = progress_key(plan.workspace_id, plan.name)
        self.attempt, self.channel, self.folder = plan.attempt, f"job:{plan.job_id}", folder.guest
        self.offset, self.shown, self.looked_at = 0, 0, 0.0

    def fetch(self) -> None:
        """The journals of earlier attempts, under names in their order."""
        if self.is_needed and self.attempt > 1:
            store().download(self.journals, self.folder / EARLIER)

    def ship(self) -> None:
        if not self.is_needed or time.monotonic() - self.looked_at < SECONDS:
            return
        self.looked_at = time.monotonic()
        self.finish()

    def finish(self) -> None:
        """Carry what is left."""
        if not self.is_needed:
            return
        progress, journal = self.folder / PROGRESS, self.folder / JOURNAL
        if (changed := _changed_at(progress)) != self.shown:
            self.shown = changed
            store().write_bytes(self.progress, progress.read_bytes())
            live.hint(self.channel, "progress")
        if _changed_at(journal):
            with journal.open("rb") as file:
                file.seek(self.offset)
                while data := file.read(PIECE):
                    store().append(f"{self.journals}/{self.attempt:06d}", data)
                    self.offset += len(data)

    def clear(self) -> None:
        """The rows are an output from here on, or another attempt begins from nothing."""
        if self.is_needed:
            store().delete(self.journals)


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
