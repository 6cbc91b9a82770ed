"""Environments from the command line: files with what they name, flags, and a job whose context is uploaded."""

import json

import pytest

from app.cli import changing, environments, jobs, main, versioned
from app.sdk.client import Client

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
CONDA = "dependencies:\n  - python=3.11\n  - pip:\n    - six==1.17.0\n"


@pytest.fixture
def atelier(alice, monkeypatch, capsys):
    """Runs a command as alice; answers its exit status and what it printed."""
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    for module in (changing, environments, jobs, versioned):
        monkeypatch.setattr(module, "connect", lambda _: Client("http://testserver", token, transport=alice._transport))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main.main(list(map(str, arguments)))
        out = capsys.readouterr()
        return status, out.out or out.err

    return run


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "conda.yml").write_text(CONDA)
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    (tmp_path / "env.yml").write_text("name: mine\nconda_file: conda.yml\n")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM python:3.11\nRUN pip install six==1.17.0\n")
    (tmp_path / "job.yml").write_text("command: echo\nenvironment: {build: {path: docker}}\n")
    return tmp_path


def test_environments_are_made_of_files_and_flags(atelier, folder):
    assert atelier("environment", "create", "-f", folder / "env.yml")[0] == 0
    again = atelier("environment", "create", "-f", folder / "env.yml", "--set", "tags.a=b", "--query", "version")
    assert again == (0, "2\n")
    flags = ("--name", "pip", "--conda-file", folder / "requirements.txt", "--query", "conda_file.dependencies[1].pip")
    assert json.loads(atelier("environment", "create", *flags, "-o", "json")[1]) == ["six==1.17.0"]
    (folder / "lists").mkdir()
    (folder / "lists" / "more.txt").write_text("# more\nattrs==25.3.0 ; python_version > '3'\n-r ../requirements.txt\n")
    (folder / "conda.yml").write_text("dependencies:\n  - pip\n  - pip:\n      - -r lists/more.txt\n")
    named = atelier(
        "environment", "create", "-f", folder / "env.yml", "--query", "conda_file.dependencies[1].pip", "-o", "json"
    )
    assert json.loads(named[1]) == ["attrs==25.3.0 ; python_version > '3'", "six==1.17.0"]
    (folder / "conda.yml").write_text("dependencies:\n  - pip:\n      - -r ../secrets.txt\n")
    assert "outside" in atelier("environment", "create", "-f", folder / "env.yml")[1]
    built = atelier("environment", "create", "--name", "docker", "--build-context", folder / "docker", "-o", "json")
    assert json.loads(built[1])["build"]["path"].startswith("azureml://datastores/")
    names = atelier("environment", "list", "-o", "json", "--query", "[].name")[1]
    assert set(json.loads(names)) == {"mine", "pip", "docker"}
    assert atelier("environment", "show", "-n", "mine", "--label", "latest", "--query", "version") == (0, "3\n")
    assert atelier("environment", "archive", "-n", "mine", "--version", "3")[0] == 0
    assert atelier("environment", "archive", "-n", "mine", "--version", "2")[0] == 0
    assert atelier("environment", "show", "-n", "mine", "--query", "version") == (0, "1\n")
    assert atelier("environment", "restore", "-n", "mine", "--version", "2")[0] == 0
    status, said = atelier("environment", "create", "--name", "x")
    assert status == 1 and "defines nothing to run in" in said


def test_the_build_context_of_a_job_goes_along(atelier, alice, folder, sent):
    status, out = atelier("job", "create", "-f", folder / "job.yml", "-o", "json")
    assert status == 0, out
    assert any("No image is built from the Dockerfile" in warning for warning in json.loads(out)["warnings"])
