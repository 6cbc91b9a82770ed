"""Which commands a warm process can run in place of bash."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

# Variables that an interpreter or a library reads when it starts, so that a warm process is too late for them.
EARLY = re.compile(
    r"(PYTHON(?!UNBUFFERED$)|LD_|LC_|MALLOC_|OMP_|MKL_|OPENBLAS_|BLIS_|VECLIB_|NUMEXPR_|KMP_|GOMP_|NPY_|NUMPY_|ARROW_"
    r"|TORCH_|PYTORCH_|ATEN_|DNNL_|ONEDNN_|TQDM_|MPLBACKEND|MPLCONFIG|MLFLOW_(CONFIGURE|LOGGING|ENABLE|USE)_)"
)
SHELL = re.compile(r"[|&;<>()$`\\\n*?\[\]{}~#!]")


def can_be_warm(environ: Mapping[str, str], python: Path) -> bool:
    """Whether nothing in `environ` acts before the first import, and `python` means this interpreter."""
    return not any(EARLY.match(name) for name in environ) and environ["PATH"].split(":")[0] == str(python.parent)


def python_arguments(command: str) -> list[str] | None:
    """What follows `python` in a command that is one plain call of it, or None for any other command."""
    command = command.strip()
    if SHELL.search(command):
        return None
    try:
        name, *rest = shlex.split(command)
    except ValueError:
        return None
    if rest[:1] == ["-u"]:
        rest = rest[1:]
    if name not in ("python", "python3") or not rest:
        return None
    if rest[0] == "-m":
        return rest if len(rest) > 1 else None
    return None if rest[0].startswith("-") or not rest[0] else rest
