"""Installs a lock as environments are, from where this machine's pip looks: python install.py PYTHON LOCK"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.environments import uv

python, lock = sys.argv[1:]
arguments = [
    "pip",
    "install",
    "--quiet",
    "--compile-bytecode",
    "--python",
    python,
    "-r",
    lock,
    *uv.index_options(("torch",)),
]
status, _ = uv.run(arguments, print)
sys.exit(status)
