"""Components from the command line: files with what they name, and a job that runs one beside it."""

import json
import subprocess

import pytest

from app.cli import changing, components, jobs, main, versioned
from app.sdk.client import Client
from app.settings import PROJECT

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
DIGITS = PROJECT / "examples" / "digits"


@pytest.fixture
def atelier(alice, monkeypatch, capsys):
    """Runs a command as alice; answers its exit status and what it printed."""
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    for module in (changing, components, jobs, versioned):
        monkeypatch.setattr(module, "connect", lambda _: Client("http://testserver", token, transport=alice._transport))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main.main(list(map(str, arguments)))
        out = capsys.readouterr()
        return status, out.out or out.err

    return run


def test_a_component_is_made_changed_and_asked_about(atelier):
    assert atelier("component", "create", "-f", DIGITS / "component.yml")[0] == 0
    changed = ("--set", "inputs.epochs.default=3", "tags.team=vision", "--query", "inputs.epochs.default")
    assert atelier("component", "create", "-f", DIGITS / "component.yml", *changed) == (0, "3\n")
    assert atelier("component", "list", "-o", "tsv", "--query", "[].[name, version]") == (0, "train_digits\t2\n")
    versions = atelier("component", "list", "-n", "train_digits", "-o", "json", "--query", "[].version")
    assert json.loads(versions[1]) == ["2", "1"]
    table = atelier("component", "list", "--query", "[].{Name: name, By: created_by}")[1]
    assert table.splitlines() == ["NAME          BY", "train_digits  alice"]
    assert atelier("component", "archive", "-n", "train_digits")[0] == 0
    assert "no component yet" in atelier("component", "list")[1]
    status, said = atelier("component", "list", "--query", "[?")
    assert status == 1 and "no JMESPath" in said


def test_a_job_runs_the_component_beside_it_and_is_cloned(atelier, alice, sent):
    status, out = atelier("job", "create", "-f", DIGITS / "component-job.yml", "--set", "inputs.epochs=2", "-o", "json")
    assert status == 0, out
    job = json.loads(out)
    assert job["inputs"]["epochs"]["value"] == 2 and job["inputs"]["batch_size"]["value"] == 64
    assert "train.py" in alice.get(f"/jobs/{job['name']}/code").text
    source = alice.get(f"/api/jobs/{job['name']}/yaml").text
    cloned = alice.post("/jobs/new", data={"yaml": source, "from": job["name"], "keep_code": "true"})
    assert cloned.status_code == 303 and job["name"] not in cloned.headers["location"]


def test_what_a_component_includes_lies_beside_its_code(atelier, alice, tmp_path):
    for path in ("one/train.py", "one/skipped.log", "lib/tools.py", "lib/.amlignore", "note.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("*.tmp")
    (tmp_path / "one/.gitignore").write_text("*.log")
    fields = "name: a\ncommand: ls\ncode: one\nadditional_includes: [./lib, ./note.txt]\n"
    (tmp_path / "a.yml").write_text(fields)
    assert atelier("component", "create", "-f", tmp_path / "a.yml")[0] == 0
    job = alice.post("/api/jobs", json={"yaml": "component: azureml:a:1\n"}).json()
    shown = alice.get(f"/jobs/{job['name']}/code").text
    assert [name for name in ("train.py", "lib", "tools.py", "note.txt") if name not in shown] == []
    assert "skipped.log" not in shown


def test_a_shell_completes_commands_options_and_values(atelier):
    script = atelier("completion", "bash")[1]

    def completed(line: str) -> list[str]:
        words = line.split(" ")
        ask = f"COMP_WORDS=({' '.join(word or chr(34) * 2 for word in words)}); COMP_CWORD={len(words) - 1}; _atelier"
        asked = subprocess.run(
            ["bash", "-c", f'{script}\n{ask}; printf "%s\\n" "${{COMPREPLY[@]}}"'], capture_output=True, text=True
        )
        return asked.stdout.split()

    assert completed("atelier comp") == ["component", "compute", "completion"]
    assert {"create", "list", "archive"} <= set(completed("atelier component "))
    assert completed("atelier component create --se") == ["--set"]
    assert completed("atelier job list -o t") == ["table", "tsv"]
    assert completed("atelier job create -f ") == []
