"""Packages that a job's command installs: its own, over those of its environment."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from workers.execution.layers import layer_over, may_install


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pip install -q x && python train.py", True),
        ("python -m pip install x; python train.py", True),
        ("bash setup.sh", True),
        ("python train.py --pipe 1", False),
        ("python pip.py", False),
        ("echo pipeline", False),
    ],
)
def test_which_commands_get_a_layer(command, expected):
    assert may_install(command) is expected


def test_a_layer_comes_before_the_environment_and_pip_leaves_that_alone(tmp_path):
    venv.create(tmp_path / "below", symlinks=True)
    python = tmp_path / "below" / "bin" / "python"
    packages = next((tmp_path / "below").glob("lib/python*/site-packages"))
    for name in ("seen.py", "covered.py"):
        (packages / name).write_text("where = 'below'")
    above = layer_over(python, tmp_path / "layer")
    next((tmp_path / "layer").glob("lib/*/site-packages")).joinpath("covered.py").write_text("where = 'above'")
    asked = "import covered, seen, sys; print(covered.where, seen.where, sys.prefix)"
    said = subprocess.run([above, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert said == ["above", "below", str(tmp_path / "layer")]
    assert (tmp_path / "layer" / "bin" / "pip").stat().st_mode & 0o111
    system = Path(sys.base_prefix) / "bin" / "python3"
    assert layer_over(system, tmp_path / "none") == system and not (tmp_path / "none").exists()
