"""How much a folder holds, found out a slice at a time. Standard library only."""

import itertools
import os
import time

SLICE_ENTRIES = 5000
PAUSE_SECONDS = 1.0


class FolderSize:
    def __init__(self, folder):
        self._folder = folder
        self._pass = iter(())
        self._begun = -PAUSE_SECONDS
        self._counted = 0

    def exceeds(self, limit):
        """The bytes on disk below the folder when they are more than `limit`, else None.

        One call looks at a few thousand entries; a folder with more takes several calls.
        """
        entries = list(itertools.islice(self._pass, SLICE_ENTRIES))
        self._counted += sum(entries)
        if self._counted > limit:
            # What was written and deleted during the calls may be in that sum: count again at once.
            self._counted = 0
            self._pass = iter(())
            total = sum(_sizes(self._folder))
            return total if total > limit else None
        if not entries and time.monotonic() - self._begun > PAUSE_SECONDS:
            self._begun = time.monotonic()
            self._counted = 0
            self._pass = _sizes(self._folder)
        return None


def _sizes(folder):
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    yield entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
