"""Commits what many requests log at the same moment in one transaction, each answered after the commit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from sqlalchemy.orm import Session

from app.database import transaction

MOST_AT_ONCE = 256
Write = Callable[[Session], None]


class GroupWriter:
    """One thread writes for all: on SQLite nobody waits for a lock, and a commit is paid for once a group."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Write, Future]] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, write: Write) -> Future:
        """Queue a write. The future ends with the commit that holds it, or with what `write` raised."""
        done: Future = Future()
        self._waiting.put((write, done))
        if self._thread is None or not self._thread.is_alive():
            self._start()
        return done

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="tracking-writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            try:
                while len(group) < MOST_AT_ONCE:
                    group.append(self._waiting.get_nowait())
            except Empty:
                pass
            self._commit(group)

    def _commit(self, group: list[tuple[Write, Future]]) -> None:
        try:
            with transaction() as session:
                for write, _ in group:
                    write(session)
        except Exception as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            # Nothing of the group was kept, so that each can be tried by itself without being kept twice.
            for one in group:
                self._commit([one])
            return
        for _, done in group:
            done.set_result(None)


writer = GroupWriter()
