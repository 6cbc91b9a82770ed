"""A step that copies data is one that runs a command, which bash is given here as a worker would."""

import subprocess

import pytest

from app.errors import Invalid
from app.jobs.specification import load_command_job, render_command

YAML = """\
type: pipeline
inputs:
  first: {path: "https://example.com/a", type: uri_folder}
  second: {path: "https://example.com/b", type: uri_file}
jobs:
  merge:
    type: data_transfer
    task: copy_data
    data_copy_mode: merge_with_overwrite
    inputs: {a: "${{parent.inputs.first}}", b: "${{parent.inputs.second}}"}
    outputs: {merged: {type: uri_folder}}
"""


@pytest.fixture
def copied(tmp_path):
    """Runs the step of a file on two inputs with a name in common, and answers its exit code and what it left."""
    first, second, target = tmp_path / "a folder", tmp_path / "x's.csv", tmp_path / "merged"
    (first / "deep").mkdir(parents=True)
    (first / "deep/b.csv").write_text("b")
    (first / second.name).write_text("old")
    second.write_text("new")

    def run(yaml):
        step = load_command_job(yaml, find_component=lambda _: None).steps["merge"].job
        command = render_command(step.command, {"a": str(first), "b": str(second)}, {"merged": str(target)})
        code = subprocess.run(["bash", "-c", command], capture_output=True).returncode
        return code, {str(path.relative_to(target)): path.read_text() for path in target.rglob("*.csv")}

    return run


def test_what_is_copied_last_stays_unless_a_conflict_shall_fail(copied):
    both = {"deep/b.csv": "b", "x's.csv": "new"}
    assert copied(YAML) == (0, both)
    assert copied(YAML.replace("merge_with_overwrite", "fail_if_conflict"))[0] == 1


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("copy_data", "import_data", "`command` step"),
        ("    data_copy_mode: merge_with_overwrite\n", "", "jobs.merge.data_copy_mode` is missing"),
        ("    outputs: {merged: {type: uri_folder}}\n", "", "0 outputs"),
    ],
)
def test_what_cannot_be_copied_is_told(change, to, words):
    with pytest.raises(Invalid, match=words) as error:
        load_command_job(YAML.replace(change, to, 1), find_component=lambda _: None)
    assert not error.value.details
