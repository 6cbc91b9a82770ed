"""Schedules from the command line: a file, the job file beside it, and the code that this one names."""

import json

import pytest

from app.cli import main, schedules
from app.sdk.client import Client
from app.settings import PROJECT

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def atelier(alice, monkeypatch, capsys):
    """Runs a command as alice; answers its exit status and what it printed."""
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    monkeypatch.setattr(schedules, "connect", lambda _: Client("http://testserver", token, transport=alice._transport))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main.main(["schedule", *map(str, arguments)])
        out = capsys.readouterr()
        return status, out.out or out.err

    return run


def test_the_example_is_scheduled_run_and_deleted(atelier, alice):
    example = PROJECT / "examples" / "digits" / "schedule.yml"
    status, out = atelier("create", "-f", example, "--set", "trigger.time_zone=Asia/Tokyo", "-o", "json")
    assert status == 0, out
    made = json.loads(out)
    assert made["when"] == "at 04:30 on Monday to Friday (Asia/Tokyo)" and made["create_job"]["inputs"]["epochs"] == 3
    assert made["next_runs"][0].endswith("T19:30:00Z")
    changed = atelier("update", "-n", "digits-nightly", "--set", "description=ours", "trigger.expression=0 5 * * *")
    assert changed[0] == 0 and "05:00" in changed[1] and "ours" in changed[1]
    assert "--name" in atelier("update", "--set", "description=ours")[1]
    name = atelier("trigger", "-n", "digits-nightly", "--query", "name", "-o", "tsv")[1].strip()
    job = alice.get(f"/api/jobs/{name}").json()
    assert job["inputs"]["epochs"] == {"value": 3} and job["inputs"]["batch_size"] == {"value": 64}
    assert job["tags"] == {"example": "digits", "framework": "pytorch", "trigger": "schedule"}
    assert "train.py" in alice.get(f"/jobs/{name}/code").text
    assert atelier("disable", "-n", "digits-nightly", "--query", "is_enabled", "-o", "json") == (0, "false\n")
    assert atelier("list", "--query", "[].name", "-o", "tsv")[1] == "digits-nightly\n"
    assert "There is no schedule yet" in atelier("list", "--enabled-only")[1]
    assert atelier("delete", "-n", "digits-nightly")[0] == 0
    status, said = atelier("show", "-n", "digits-nightly")
    assert status == 3 and "There is no schedule 'digits-nightly'" in said
