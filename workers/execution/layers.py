"""A layer over a job's environment, for commands that install packages: they see it, and only their job has it.

The environment itself is shared and cannot be written by jobs. What a layer installs comes before what lies under it;
pip leaves alone what it finds there.
"""

import re
from pathlib import Path

from workers.execution.commands import python_arguments

_INSTALLS = re.compile(r"\bpip3?(\.\d+)?\b|\.sh\b")


def may_install(command: str) -> bool:
    """Whether a command that bash runs names pip, or a script, which may."""
    return python_arguments(command) is None and _INSTALLS.search(command) is not None


def layer_over(python: Path, folder: Path) -> Path:
    """The interpreter of a new layer in `folder`, or `python` itself where that is of no environment of ours."""
    below = next(python.parent.parent.glob("lib/python*/site-packages"), None)
    described = python.parent.parent / "pyvenv.cfg"
    if below is None or not described.is_file():
        return python
    own, packages = folder / "bin", folder / "lib" / below.parent.name / "site-packages"
    for new in (own, packages):
        new.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(described.read_text())
    # A line of Python, so that files of the same kind below are read as well.
    (packages / "below.pth").write_text(f"import site; site.addsitedir({str(below)!r})\n")
    for name in ("python", "python3", below.parent.name):
        (own / name).symlink_to(python)
    for name in ("pip", "pip3"):
        (own / name).write_text(f'#!/bin/sh\nexec "{own}/python" -m pip "$@"\n')
        (own / name).chmod(0o755)
    return own / "python"
