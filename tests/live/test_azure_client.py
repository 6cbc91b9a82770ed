"""The unmodified azure-ai-ml SDK, in its oldest and newest release, against a real server over HTTPS."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from app.settings import PROJECT
from tests.live.conftest import ATELIER

SCRIPT = Path(__file__).with_name("azure_client.py")


def _variables(home: Path) -> dict[str, str]:
    """What `eval "$(atelier env)"` puts into a shell."""
    command = [ATELIER, "env", "--home", home]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT).stdout.splitlines()
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


@pytest.mark.parametrize("release", ["1.11.1", "1.35.2"])
def test_the_sdk_does_its_work_unmodified(server, release, tmp_path):
    python = PROJECT / ".environments" / f"azure-ai-ml-{release}" / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"azure-ai-ml {release} is not installed: run `make test`")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **_variables(server.home)}
    answer = subprocess.run(
        [python, SCRIPT], capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["workspace"] == "default" and found["job"] == ["Completed", "HELLO"]
    assert found["environment"] == ["mine", "1"] and found["component"] == ["shout", "1", ["text"]]
    assert found["data"][1] == {"by": "sdk"} and found["model"][1] == "HELLO"
    assert found["sweep"] == ["Completed", 0.5, 2] and found["pipeline"] == ["Completed", "HELLO"]
    assert found["schedule"] == ["0 3 * * *", ["nightly"], False, []]
    assert found["endpoint"] == [{"said": "HELLO", "rows": 2}, True, True, 0]
    assert found["automl"] == ["ClassificationJob", "NotStarted", 3]
