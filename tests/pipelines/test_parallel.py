"""Parallel steps: their files, and how the leader deals with what fails, crashes and hangs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import Invalid
from app.jobs.specification import load_command_job, load_component
from workers.execution.nodes import free_ports
from workers.execution.parallel import Part, command_of

COMPONENT = """\
name: score
type: parallel
inputs: {images: {type: uri_folder}, factor: {type: integer, default: 2}}
outputs: {rows: {type: uri_file}}
input_data: ${{inputs.images}}
mini_batch_size: "5"
mini_batch_error_threshold: 1
retry_settings: {max_retries: 1, timeout: 2}
max_concurrency_per_instance: 2
task:
  type: run_function
  entry_script: score.py
  program_arguments: --factor ${{inputs.factor}}
  append_row_to: ${{outputs.rows}}
  environment: azureml:pytorch-2.13-cpu@latest
"""
PIPELINE = """\
type: pipeline
inputs: {images: {type: uri_folder, path: "azureml:images:1"}}
jobs:
  score:
    component: azureml:score:1
    inputs: {images: "${{parent.inputs.images}}"}
    mini_batch_size: 1
    resources: {instance_count: 2}
"""
SCRIPT = """\
import os, sys, time
count = 0
def init():
    if sys.argv[2] == "99":
        raise ValueError("no model")
def run(paths):
    number = int(open(paths[0]).read())
    if number == 3: raise ValueError("bad image")
    if number == 4: os._exit(5)
    if number == 6: time.sleep(30)
    return [number * int(sys.argv[2])]
def shutdown(): print("shut down", flush=True)
"""


WAITING = """\
import os, time
def run(paths):
    number = int(open(paths[0]).read())
    while number == 37 and not os.path.exists("go"):
        time.sleep(0.01)
    with open("scored", "a") as file:
        file.write(f"{number}\\n")
    return [f"{number} é"]
"""


MEETING = """\
import os, time
def run(paths):
    number = int(open(paths[0]).read())
    rank = os.environ["NODE_RANK"]
    open(rank + ".here", "w").close()
    while not os.path.exists({"0": "1", "1": "0"}[rank] + ".here"):
        time.sleep(0.01)
    return [f"{number} {os.environ['NODE_RANK']}"]
"""


def parallel_step():
    found = load_command_job(PIPELINE, find_component=lambda _: load_component(COMPONENT))
    return found.steps["score"].job


def test_a_step_says_what_differs_from_its_component():
    job = parallel_step()
    assert job.command == "python score.py --factor ${{inputs.factor}}" and job.inputs["factor"].value == 2
    assert job.parallel["size"] == {"files": 1} and job.parallel["concurrency"] == 4
    assert load_component(load_component(COMPONENT).to_dict()) == load_component(COMPONENT)


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("inputs.images}}", "inputs.imags}}", "names 'imags'"),
        ('"5"', "many", "a number of files"),
        ("entry_script", "entry_scrip", "did you mean `entry_script`?"),
        ("inputs.factor", "inputs.faktor", "did you mean `${{inputs.factor}}`?"),
    ],
)
def test_a_mistake_is_told(change, to, words):
    with pytest.raises(Invalid) as error:
        load_component(COMPONENT.replace(change, to, 1))
    assert words in str([error.value.message, *error.value.details])


def lead(folder: Path, count: int, factor: int, **changes):
    (folder / "in").mkdir(exist_ok=True)
    for number in range(count):
        (folder / "in" / f"{number:04}.txt").write_text(str(number))
    (folder / "score.py").write_text(SCRIPT)
    asked = parallel_step().parallel | changes
    ports = {"images": str(folder / "in")}, {"rows": str(folder / "rows.txt")}
    command = command_of(asked, {"images": "uri_folder"}, folder, *ports).split()[1:]
    done = subprocess.run(
        [sys.executable, *command, "--factor", str(factor)], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr, (folder / "rows.txt").read_text().split()


def test_a_thousand_mini_batches_end_and_what_fails_is_counted(tmp_path):
    code, said, rows = lead(tmp_path, 1000, 2, mini_batch_error_threshold=3, max_retries=0, timeout_seconds=1)
    assert code == 0, said
    assert rows == [str(2 * number) for number in range(1000) if number not in (3, 4, 6)]
    assert "997 mini-batches done, 3 failed" in said and "took longer than 1 seconds" in said
    assert "ended with code 5" in said and said.count("shut down") == 4


def test_too_many_failures_and_a_script_that_does_not_start_end_the_step(tmp_path):
    code, said, _ = lead(tmp_path, 5, 2, mini_batch_error_threshold=1)
    assert code == 1 and "2 mini-batches failed; mini_batch_error_threshold is 1." in said
    code, said, _ = lead(tmp_path, 5, 99)
    assert code == 1 and "ValueError: no model" in said.splitlines()[-1]
    assert json.loads((tmp_path / "parallel.json").read_text())["concurrency"] == 4


def start(folder: Path, name: str, part: Part = Part(), environ: dict | None = None, **changes) -> subprocess.Popen:
    """An attempt or instance in a folder of its own, with the journals that others left."""
    (folder / name / "rows").mkdir(parents=True)
    (folder / "earlier").mkdir(exist_ok=True)
    asked = parallel_step().parallel | {"concurrency": 2, "timeout_seconds": 60} | changes
    ports = {"images": str(folder / ("in" if not part.rank else "copy"))}, {"rows": str(folder / name / "rows")}
    command = command_of(asked, {"images": "uri_folder"}, folder / name, *ports, part).split()[1:]
    (folder / name / "earlier").symlink_to(folder / "earlier")
    return subprocess.Popen(
        [sys.executable, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env={**os.environ, **(environ or {})},
    )  # fmt: skip


def test_after_a_kill_no_row_is_doubled_and_none_is_lost(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for number in range(60):
        (tmp_path / "in" / f"{number:04}.txt").write_text(str(number))
    (tmp_path / "score.py").write_text(WAITING)
    first = start(tmp_path, "a")
    scored, journal = tmp_path / "scored", tmp_path / "a" / "parallel.journal"
    while not scored.exists() or len(scored.read_text().split()) < 59:
        assert first.poll() is None, first.communicate()[0]
    # All but one are done, of which those before it are on record, at the latest a second after they were.
    while journal.read_bytes().count(b"\n") < 20:
        assert first.poll() is None
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    # What was carried away before the end may be torn anywhere.
    torn = b'{"input": "", "next": 60, "length": 9}\n60'
    (tmp_path / "earlier" / "000001").write_bytes(journal.read_bytes() + torn)
    scored.unlink()
    (tmp_path / "go").touch()
    second = start(tmp_path, "b")
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0, said
    rows = (tmp_path / "b" / "rows" / "parallel_run_step.txt").read_text().splitlines()
    assert rows == [f"{number} é" for number in range(60)]
    assert "Going on after" in said and 0 < 60 - len(scored.read_text().split()) <= 37


def test_mini_batches_are_shared_by_several_instances(tmp_path):
    for folder in ("in", "copy"):
        (tmp_path / folder).mkdir()
        for number in range(20):
            (tmp_path / folder / f"{number:04}.txt").write_text(str(number))
    (tmp_path / "score.py").write_text(MEETING)
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_ports(1))}
    started = [
        start(tmp_path, str(rank), Part(rank, 2, "key"), place | {"NODE_RANK": str(rank)}, concurrency=2)
        for rank in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    rows = [row.split() for row in (tmp_path / "0" / "rows" / "parallel_run_step.txt").read_text().splitlines()]
    assert [int(number) for number, _ in rows] == list(range(20))
    assert {rank for _, rank in rows} == {"0", "1"}
