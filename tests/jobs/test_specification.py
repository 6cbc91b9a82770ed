"""Job files: what is read, how a mistake is told, and how a command is rendered."""

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.jobs.specification import generate_name, load_command_job, local_paths, render_command, with_uploads
from app.jobs.specification.names import NAME
from app.settings import PROJECT

FULL = """
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
type: command
name: train-1
display_name: Train
experiment_name: digits
description: A *job*.
tags: {owner: me, number: 3, flag: true}
properties: {origin: test}
compute: azureml:cpu-cluster
command: >-
  python train.py --lr ${{inputs.lr}} --data ${{ inputs.data }} $[[--extra ${{inputs.extra}}]] --out ${{outputs.model}}
code: ./src
environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
environment_variables: {LEVEL: 2, DEBUG: false}
inputs:
  lr: 0.01
  data: {type: uri_file, path: azureml:digits@latest, mode: download}
outputs:
  model: {type: mlflow_model, name: digits}
  rest:
resources: {instance_count: 1, shm_size: 2g, docker_args: "--ipc=host --memory 4g", properties: {a: {b: 1}}}
distribution: {type: pytorch, process_count_per_instance: 1}
limits: {timeout: 600}
queue_settings: {job_tier: spot, priority: high}
services: {lab: {type: vs_code}}
identity: {type: managed}
retry_settings: {max_retries: 2}
"""


def refused(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        load_command_job(text)
    return caught.value


def test_every_field_is_read():
    job = load_command_job(FULL)
    assert (job.name, job.display_name, job.experiment_name, job.compute) == (
        "train-1",
        "Train",
        "digits",
        "cpu-cluster",
    )
    assert job.tags == {"owner": "me", "number": "3", "flag": "True"}
    assert job.environment_variables == {"LEVEL": "2", "DEBUG": "False"}
    assert job.inputs["lr"].is_literal and job.inputs["lr"].value == 0.01
    assert (job.inputs["data"].type, job.inputs["data"].mode) == ("uri_file", "download")
    assert job.outputs["rest"].to_dict() == {"type": "uri_folder", "mode": "rw_mount"}
    assert job.outputs["model"].name == "digits"
    assert (job.memory_bytes, job.timeout_seconds, job.max_retries) == (4 << 30, 600.0, 2)
    assert len(job.warnings) == 2
    json.dumps(job.to_dict(), allow_nan=False)


def test_the_least_job_is_a_command():
    job = load_command_job("command: echo hello")
    assert (job.command, job.name, job.environment, job.inputs, job.warnings) == ("echo hello", None, None, {}, ())


def test_json_and_mappings_are_read_like_yaml():
    fields = {"command": "echo", "inputs": {"a": 1}}
    assert load_command_job(json.dumps(fields)) == load_command_job(fields)


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        ("name: a\ncomand: x", "comand", ["line 2", "column 1", "`comand`", "did you mean `command`?"]),
        ("name: a", "command", ["`command` is missing"]),
        ("command: ''", "command", ["`command` is empty"]),
        ("command: [a]", "command", ["must be text, not a list"]),
        ("type: spark\nentry: {}", "type", ["line 1", "spark job", "not support"]),
        ("jobs: {}", "jobs", ["`jobs` is missing", "at least one step"]),
        ("type: comand\ncommand: x", "type", ["did you mean `command`?"]),
        ("command: x\nname: my job", "name", ["line 2, column 7", "'my job'"]),
        ("command: x\nlimits: {timeout: soon}", "limits.timeout", ["'soon'", "whole number"]),
        ("command: x\ninputs: {d: {type: urifile, path: a}}", "inputs.d.type", ["did you mean `uri_file`?"]),
        ("command: x\ninputs: {d: {type: uri_file}}", "inputs.d.path", ["`inputs.d.path` is missing"]),
        ("command: x\ninputs: {d: }", "inputs.d", ["has no value"]),
        ("command: x\ninputs: {my-data: 1}", "inputs.my-data", ["not a name that expressions can use"]),
        ("command: x\ninputs: {n: {type: integer, value: 1.5}}", "inputs.n.value", ["1.5", "no integer"]),
        ("command: x\noutputs: {m: {version: 1}}", "outputs.m.version", ["needs `name`"]),
        ("command: x\noutputs: {m: {type: model}}", "outputs.m.type", ["must be one of", "mlflow_model"]),
        ("command: x\nresources: {docker_args: --memory lots}", "resources.docker_args", ["'lots'", "4g"]),
        ("command: x\ndistribution: {type: pytorh}", "distribution.type", ["did you mean `pytorch`?"]),
        ("command: x\nenvironment: {image: y, build: {path: .}}", "environment.build", ["not both"]),
        ("command: x\nenvironment: {}", "environment", ["defines nothing"]),
        ("command: x\ncommand: y", "command", ["line 2", "given twice"]),
        ("command: python ${{inputs.lrr}}\ninputs: {lr: 1}", "command", ["`${{inputs.lr}}`?"]),
        ("command: python ${{parent.inputs.x}}", "command", ["only in a pipeline job"]),
        ("command: python ${{input.x}}", "command", ["is no expression"]),
        ("command: echo a: b", None, ["line 1", "not YAML", "quotes"]),
        ("command: !!python/object:os.system x", None, ["tag"]),
        ("- a", "command", ["a mapping of fields", "a list"]),
        ("", "command", ["holds nothing"]),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(text, target, words):
    error = refused(text)
    assert error.target == target
    assert [word for word in words if word not in error.message] == [], error.message


def test_all_mistakes_are_told_in_the_order_of_the_file():
    error = refused("command: x\nname: a b\nlimits: {timeout: -1}\ncode: [a]\n")
    told = [error.message, *error.details]
    assert [f"line {number}" in text for number, text in zip((2, 3, 4), told, strict=True)] == [True] * 3


def test_anchors_are_read_and_bombs_are_not():
    assert load_command_job("x: &a {LEVEL: 1}\ncommand: x".replace("x: &a", "tags: &a") + "\nproperties: *a").properties
    assert load_command_job("tags: {<<: &t {a: 1, b: 2}, b: 3}\ncommand: x").tags == {"a": "1", "b": "3"}
    levels = "\n".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    assert "too many" in refused(f"command: x\nproperties:\n  l0: &l0 x\n{levels}").message
    assert "deeply" in refused("a: &a [*a]\ncommand: x").message


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        load_command_job(text)
    except Invalid as error:
        assert error.message


def test_a_field_that_does_not_exist_is_a_warning_that_names_the_right_one():
    job = load_command_job("command: x\nlimits: {timout: 5}\ncod: ./src\nnonsense: 1")
    assert job.timeout_seconds is None and job.code is None
    timeout, code, nonsense = sorted(job.warnings)
    assert "line 2, column 10: `limits.timout`" in timeout and "did you mean `timeout`?" in timeout
    assert "line 3" in code and "did you mean `code`?" in code
    assert "line 4" in nonsense and "it has: code, command" in nonsense


def test_what_files_of_earlier_forms_say_is_read():
    job = load_command_job(
        "command: tensorboard ${{inputs.a}}\n"
        "inputs: {a: {path: 'azureml:x:1', mode: rw_mount}}\n"
        "services: {board: {job_service_type: tensor_board, nodes: all, properties: {logDir: outputs/tb}}}\n"
    )
    assert job.services == {"board": {"type": "tensor_board", "nodes": "all", "log_dir": "outputs/tb"}}
    assert job.inputs["a"].mode == "ro_mount" and "only read" in job.warnings[0]


def test_fields_of_the_server_are_warnings():
    assert "line 2" in load_command_job("command: x\nstatus: Running").warnings[0]


def test_generated_names_are_names():
    names = {generate_name() for _ in range(100)}
    assert len(names) == 100
    assert all(NAME.fullmatch(name) and name.count("_") == 2 for name in names)


def test_local_paths_are_found_and_replaced():
    job = load_command_job(
        "command: x\ncode: ./src\ninputs: {a: {path: data.csv, type: uri_file}, b: {path: azureml:d:1}}\n"
        "environment: {image: i, conda_file: ./conda.yml}"
    )
    assert local_paths(job) == {"code": "./src", "inputs.a.path": "data.csv", "environment.conda_file": "./conda.yml"}
    uploads = {"./src": "azureml://x/src", "data.csv": "azureml://x/data.csv", "./conda.yml": "dependencies: [pip]"}
    placed = with_uploads(job, uploads)
    assert (placed.code, placed.inputs["a"].path, placed.inputs["b"].path) == (
        "azureml://x/src",
        "azureml://x/data.csv",
        "azureml:d:1",
    )
    assert placed.environment["conda_file"] == {"dependencies": ["pip"]}
    with pytest.raises(Invalid, match=r"'\./src' is a path on your machine"):
        with_uploads(job, {})


def test_optional_parts_go_when_their_input_has_no_value():
    command = "a $[[--x ${{inputs.x}}]] b"
    assert render_command(command, {"x": "1"}, {}) == "a --x 1 b"
    assert render_command(command, {}, {}) == "a  b"


def test_an_unknown_name_is_refused_with_those_that_exist():
    with pytest.raises(Invalid, match="the job has: model"):
        render_command("x ${{outputs.data}}", {}, {"model": "/tmp"})


def arguments(command: str, value: str) -> list[str]:
    """What a program gets when bash runs the rendered command."""
    rendered = render_command(f"printf '%s\\0' {command}", {"x": value}, {})
    printed = subprocess.run(["bash", "-c", rendered], capture_output=True, check=True, cwd="/proc/self").stdout
    return printed.decode("utf-8", "surrogateescape").split("\0")[:-1]


@pytest.mark.parametrize(
    "value", ["a b", "$(id)", "`id`", "it's", 'say "hi"', "a;b|c&d", "*", "x\\", "#no", "~", "a\nb", "!x", "{a,b}"]
)
def test_no_value_is_special_to_bash(value):
    assert arguments('"${{inputs.x}}"', value) == [value]
    assert arguments("'${{inputs.x}}'", value) == [value]
    if " " not in value:
        assert arguments("${{inputs.x}}", value) == [value]


@given(st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",)), min_size=1, max_size=20))
def test_a_quoted_value_arrives_as_it_is(value):
    assert arguments('"${{inputs.x}}"', value) == [value]


def test_a_bare_literal_is_split_at_spaces_and_a_path_is_not():
    assert arguments("${{inputs.x}}", "--a 1") == ["--a", "1"]
    assert arguments("${{inputs.x}}", "/a folder/b") == ["/a folder/b"]


def test_the_example_is_read_without_a_warning():
    job = load_command_job((PROJECT / "examples/digits/job.yml").read_text())
    assert job.warnings == ()
    assert local_paths(job) == {"code": "./src"}
