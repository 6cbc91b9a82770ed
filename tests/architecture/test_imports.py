"""The import contracts of pyproject.toml hold."""

import subprocess
import sys
from pathlib import Path

from app.settings import PROJECT


def test_the_import_contracts_hold():
    lint = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([lint, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
