"""The command line as a program: quick to start, clear when it is used wrongly."""

import json
import subprocess
import sys

import pytest

from app.cli import main, printing


def atelier(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_starting_loads_no_heavy_library():
    code = "import sys; from app.cli import main; main.parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"httpx", "sqlalchemy", "fastapi", "pydantic", "celery", "yaml"} & set(loaded) == set()


def test_wrong_usage_ends_with_2_and_a_missing_server_with_1(tmp_path):
    assert atelier("job", "create").returncode == 2
    assert atelier("jobs").returncode == 2
    nobody = atelier("job", "list", "--home", str(tmp_path))
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "atelier up" in nobody.stderr


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    answer = atelier("job", "create", "-f", str(tmp_path / "no.yml"), "--url", "http://127.0.0.1:9", "--token", "x")
    assert answer.returncode == 1
    assert "no.yml cannot be read" in answer.stderr


@pytest.mark.parametrize(
    "noun", ["job", "experiment", "component", "data", "model", "online-endpoint", "online-deployment", "environment"]
)
def test_every_noun_describes_itself(noun, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main([noun, "--help"])
    assert ended.value.code == 0
    assert "VERB" in capsys.readouterr().out


def test_answers_are_tables_json_or_yaml(capsys):
    rows = [{"name": "a", "tags": {"x": 1}, "n": None}, {"name": "longer", "tags": {}, "n": 0.5}]
    printing.print_list(rows, ("name", "tags", "n"), "table", "nothing")
    assert capsys.readouterr().out.splitlines() == ["NAME    TAGS  N", "a       x=1", "longer        0.5"]
    printing.print_list(rows, ("name",), "json", "nothing")
    assert json.loads(capsys.readouterr().out) == rows
    printing.print_list([], ("name",), "table", "nothing")
    assert capsys.readouterr().err == "nothing\n"
