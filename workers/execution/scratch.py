"""Folders of the server's home that last as long as one action, where no job can read them."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEFT_SECONDS = 86_400


@contextmanager
def folder(home: Path, prefix: str) -> Iterator[Path]:
    """One that is deleted at the end; what workers that were killed left behind goes with it after a day."""
    root = home / "scratch"
    root.mkdir(mode=0o700, exist_ok=True)
    for left in root.iterdir():
        if time.time() - left.stat().st_mtime > LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=f"{prefix}-") as made:
        yield Path(made)
