"""A pipeline from its file to its outputs, with the workers' part played by moves."""

import pytest

from app.database import reading, transaction
from app.datastores import stores
from app.errors import Invalid
from app.jobs import moves, places
from app.jobs.lifecycle import Status
from app.jobs.specification import load_command_job, load_component
from app.jobs.tables import Job
from app.kit.storage import store
from workers.reconcile import pipelines

TRAIN = """\
name: train
type: command
inputs:
  data: {type: uri_folder}
  lr: {type: number, default: 0.1, max: 1}
outputs:
  model: {type: uri_folder}
command: python train.py ${{inputs.data}} ${{inputs.lr}} ${{outputs.model}}
environment: azureml:pytorch-2.13-cpu@latest
"""
YAML = """\
type: pipeline
name: line
inputs: {lr: 0.5, type: big}
outputs: {best: }
settings: {default_compute: "azureml:cluster"}
jobs:
  prepare:
    command: python prepare.py ${{inputs.kind}} ${{outputs.out}}
    inputs: {kind: "${{parent.inputs.type}}"}
    outputs: {out: {type: uri_folder}}
  train:
    component: file:./train.yml
    inputs: {data: "${{parent.jobs.prepare.outputs.out}}", lr: "${{parent.inputs.lr}}"}
    outputs: {model: "${{parent.outputs.best}}"}
  report:
    command: echo ${{inputs.model}} ${{inputs.data}}
    inputs:
      model: {path: "${{parent.jobs.train.outputs.model}}", mode: download}
      data: "${{parent.jobs.prepare.outputs.out}}"
"""
UPLOADS = {"file:./train.yml": TRAIN}


def submit(client, yaml=YAML, uploads=UPLOADS):
    return client.post("/api/jobs", json={"yaml": yaml, "uploads": uploads})


def submitted(client, yaml=YAML, uploads=UPLOADS):
    answer = submit(client, yaml, uploads)
    assert answer.status_code == 201, answer.text
    pipelines.reconcile()
    return answer.json()


def graph(client, name="line"):
    answer = client.get(f"/api/jobs/{name}/graph")
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(client, name="line"):
    return {node["id"]: node["status"] for node in graph(client, name)["nodes"]}


def end(name, status=Status.COMPLETED, outputs=(), digest=None, **changes):
    """What a worker does: run the job, write its outputs, end it."""
    with transaction() as session:
        job = session.query(Job).filter_by(name=name).one()
        if job.status is Status.QUEUED:
            moves.move(session, job, Status.RUNNING)
        for port in outputs:
            store().write_bytes(f"{places.output_key(job, port)}/{port}.txt", name.encode())
        if digest:
            job.outputs = {port: {**value, "digest": digest} for port, value in job.outputs.items()}
        moves.move(session, job, status, **changes)
    pipelines.reconcile()


def test_a_step_starts_when_its_inputs_are_there(alice, sent):
    job = submitted(alice)
    assert job["status"] == "Running" and job["warnings"] == []
    assert ("pipelines.advance", (1,)) in sent
    assert states(alice) == {"prepare": "Queued", "train": "NotStarted", "report": "NotStarted"}
    first = alice.get("/api/jobs/line_prepare").json()
    assert first["inputs"] == {"kind": {"value": "big"}} and first["compute"] == "cluster"
    sent.clear()
    end("line_prepare", outputs=["out"])
    assert ("pipelines.advance", (1,)) in sent
    train = alice.get("/api/jobs/line_train").json()
    assert train["inputs"]["lr"] == {"value": "0.5"}
    assert train["inputs"]["data"]["path"] == "azureml://jobs/line_prepare/outputs/out"
    end("line_train", outputs=["model"])
    end("line_report")
    assert alice.get("/api/jobs/line").json()["status"] == "Completed"
    assert set(states(alice).values()) == {"Completed"}
    # What the pipeline leaves is what its step left.
    again = alice.post("/api/jobs", json={"yaml": USES_OUTPUT})
    assert again.status_code == 201, again.text
    shown = graph(alice)
    assert shown["inputs"] == ["lr", "type"] and shown["outputs"] == ["best"]
    assert {"from": "train", "output": "model", "to": "outputs", "input": "best"} in shown["edges"]
    assert {"from": "inputs", "output": "lr", "to": "train", "input": "lr"} in shown["edges"]


USES_OUTPUT = "command: ls ${{inputs.m}}\ninputs: {m: {path: 'azureml://jobs/line/outputs/best/paths/model.txt'}}"


def test_what_needs_a_failed_step_is_skipped_and_the_rest_goes_on_where_asked(alice):
    wide = YAML.replace("settings: {", "settings: {continue_on_step_failure: true, ")
    wide += "  side: {command: sleep 1}\n  last: {command: 'true ${{inputs.a}}', inputs: {a: "
    wide += '"${{parent.jobs.side.outputs.o}}"}}\n'
    wide = wide.replace("side: {command: sleep 1}", "side: {command: sleep 1, outputs: {o: }}")
    submitted(alice, wide)
    end("line_prepare", Status.FAILED, error={"message": "No data.", "detail": None})
    assert alice.get("/api/jobs/line").json()["status"] == "Running"
    end("line_side", outputs=["o"])
    end("line_last")
    nodes = {node["id"]: node for node in graph(alice)["nodes"]}
    assert nodes["train"]["status"] == "Skipped" and "'prepare', which failed" in nodes["train"]["reason"]
    assert nodes["report"]["reason"].startswith("It needs step ")
    job = alice.get("/api/jobs/line").json()
    assert job["status"] == "Failed" and job["error"]["message"] == "Step 'prepare' failed: No data."


def test_a_failure_ends_the_pipeline_and_a_cancel_ends_its_steps(alice):
    both = "type: pipeline\nname: line\njobs:\n  a: {command: x}\n  b: {command: y}\n  c: {command: z}\n"
    submitted(alice, both)
    assert list(states(alice).values()) == ["Queued"] * 3
    end("line_a", Status.FAILED)
    assert alice.get("/api/jobs/line").json()["status"] == "Running"
    assert alice.post("/api/jobs/line/cancel").json()["status"] == "CancelRequested"
    pipelines.reconcile()
    pipelines.reconcile()
    assert alice.get("/api/jobs/line").json()["status"] == "Canceled"
    assert states(alice) == {"a": "Failed", "b": "Canceled", "c": "Canceled"}


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("jobs.prepare.outputs", "jobs.prepar.outputs", ("line 13", "jobs.train.inputs.data", "`prepare`?")),
        ("prepare.outputs.out}}\", lr", "prepare.outputs.ot}}\", lr", ("line 13", "no output `ot`", "`out`?")),
        ("{lr: 0.5", "{lr: 3", ("line 13", "jobs.train.inputs.lr", "at most 1")),
        ("inputs.lr}}\"}", "inputs.lrr}}\"}", ("line 13", "no input `lrr`", "`lr`?")),
        ("parent.outputs.best", "parent.outputs.bets", ("line 14", "`best`?")),
        ("parent.inputs.type}}", "parent.jobs.report.outputs.r}}", ("line 9", "no output `r`")),
        ("command: echo", "comand: echo", ("line 16", "did you mean `command`?")),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(change, to, words):
    with pytest.raises(Invalid) as error:
        load_command_job(YAML.replace(change, to, 1), find_component=lambda _: load_component(TRAIN), uploads=UPLOADS)
    assert not error.value.details
    for word in words:
        assert word in error.value.message


def test_all_mistakes_are_told_at_once_and_cycles_are_found():
    yaml = """\
type: pipeline
jobs:
  a: {command: x, inputs: {i: "${{parent.jobs.b.outputs.o}}"}, outputs: {o: }}
  b: {command: x, inputs: {i: "${{parent.jobs.a.outputs.o}}"}, outputs: {o: }}
  c: {type: spark}
"""
    with pytest.raises(Invalid) as error:
        load_command_job(yaml, find_component=lambda _: None)
    assert "a → b → a" in error.value.message and "'spark'" in error.value.details[0]


def test_a_nested_pipeline_is_a_component_and_tolerates_what_azure_does(alice):
    inner = """\
name: inner
type: pipeline
inputs: {rate: {type: number, default: 0.2}, raw: {type: uri_folder}}
outputs: {model: {type: uri_folder}}
jobs:
  fit:
    component: azureml:train@latest
    inputs: {data: "${{parent.inputs.raw}}", lr: "${{parent.inputs.rate}}"}
    outputs: {model: "${{parent.outputs.model}}"}
"""
    assert alice.post("/api/components", json={"yaml": TRAIN}).status_code == 201
    made = alice.post("/api/components", json={"yaml": inner})
    assert made.status_code == 201 and made.json()["jobs"]["fit"]["component"]["id"] == "azureml:train:1"
    page = alice.get("/components/inner/versions/1").text
    assert "Steps" in page and "/components/train/versions/1" in page
    bad = alice.post("/api/components", json={"yaml": inner.replace("parent.inputs.rate", "parent.inputs.raet")})
    assert bad.status_code == 400 and "line 8" in bad.text and "`rate`?" in bad.text
    outer = """\
type: pipeline
name: line
settings: {force_rerum: true}
outputs: {m: {name: champion}}
jobs:
  prepare: {command: make, outputs: {out: {type: uri_folder}}}
  all:
    component: azureml:inner:1
    inputs: {raw: "${{parent.jobs.prepare.outputs.out}}", raet: 3}
    outputs: {model: "${{parent.outputs.m}}"}
"""
    job = submitted(alice, outer)
    assert "did you mean `force_rerun`?" in str(job["warnings"]) and "did you mean `rate`?" in str(job["warnings"])
    end("line_prepare", outputs=["out"])
    pipelines.reconcile()
    assert states(alice, "line_all") == {"fit": "Queued"}
    assert alice.get("/api/jobs/line_all_fit").json()["inputs"]["lr"] == {"value": "0.2"}
    end("line_all_fit", outputs=["model"])
    pipelines.reconcile()
    assert alice.get("/api/jobs/line").json()["status"] == "Completed"
    # The pipeline's named output is a data asset, and lies where the innermost step wrote it.
    asset = alice.get("/api/data/champion").json()
    assert "jobs/line_all_fit/outputs/model" in str(asset)
    assert {node["type"] for node in graph(alice)["nodes"]} == {"command", "pipeline"}


def run_line(client, name, **edits):
    """The whole line under a name, step by step, where steps are not taken over."""
    yaml = YAML.replace("name: line", f"name: {name}")
    for before, after in edits.items():
        yaml = yaml.replace(before, after)
    submitted(client, yaml)
    for step, outputs in (("prepare", ["out"]), ("train", ["model"]), ("report", [])):
        if states(client, name)[step] == "Queued":
            end(f"{name}_{step}", outputs=outputs, digest="same")
    return {node["id"]: node["reused_from"] for node in graph(client, name)["nodes"]}


def why(client, name, step):
    return client.get(f"/api/jobs/{name}/steps/{step}/reuse").json()


def test_what_was_run_before_is_taken_over_and_what_differs_is_told(alice):
    assert set(run_line(alice, "first").values()) == {None}
    assert why(alice, "first", "train")["reason"] == "It was not run before."
    assert run_line(alice, "second") == {"prepare": "first_prepare", "train": "first_train", "report": "first_report"}
    assert alice.get("/api/jobs/second").json()["status"] == "Completed"
    assert "first_train" in why(alice, "second", "train")["reason"]
    reader = USES_OUTPUT.replace("jobs/line", "jobs/second")
    assert alice.post("/api/jobs", json={"yaml": reader}).status_code == 201
    # `prepare` runs again with another input; it writes the same, so that what reads it is the same too.
    assert run_line(alice, "third", big="small") == {
        "prepare": None, "train": "first_train", "report": "first_report",
    }  # fmt: skip
    told = why(alice, "third", "prepare")
    assert told["differences"] == [{"part": "inputs.kind", "before": "big", "now": "small"}]
    assert told["compared_with"] in ("first_prepare", "second_prepare")
    reused = YAML.replace("name: line", "name: named").replace("best: }", "best: {name: kept}}")
    submitted(alice, reused)
    assert (
        alice.get("/api/jobs/named").json()["status"] == "Completed" and alice.get("/api/data/kept").status_code == 200
    )
    forced = {"settings: {": "settings: {force_rerun: true, "}
    assert set(run_line(alice, "forced", **forced).values()) == {None}
    assert "force_rerun" in why(alice, "forced", "train")["reason"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_goes_to_a_path_with_the_pipelines_name_is_read_from_there(alice):
    place = "azureml://datastores/workspaceblobstore/paths/results/${{name}}"
    yaml = YAML.replace("outputs: {best: }", f"outputs: {{best: {{path: '{place}'}}}}").replace(
        '{path: "${{parent.jobs.train.outputs.model}}", mode: download}', f"{{path: '{place}/m.txt', type: uri_file}}"
    )
    submitted(alice, yaml)
    end("line_prepare", outputs=["out"])
    path = place.replace("${{name}}", "line")
    assert alice.get("/api/jobs/line_train").json()["outputs"]["model"]["path"] == path
    assert alice.get("/api/jobs/line_report").json()["inputs"]["model"]["path"] == f"{path}/m.txt"
    with reading() as session:
        report = session.query(Job).filter_by(name="line_report").one()
        assert report.inputs["model"]["key"] == "workspaces/1/results/line/m.txt"
    refused = submit(alice, yaml.replace("name: line", "name: kept").replace("paths/results", "paths/azureml"))
    assert refused.status_code == 400 and "keeps for itself" in refused.json()["detail"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_outputs_go_to_the_default_datastore_and_one_that_there_is_not_is_refused(settings, alice, tmp_path):
    yaml = YAML.replace("settings: {", "settings: {default_datastore: azureml:lake, ")
    refused = submit(alice, yaml)
    assert refused.status_code == 404 and "settings.default_datastore" in refused.text
    (tmp_path / "lake").mkdir()
    stores.connect(settings.model_copy(update={"datastore_folders": str(tmp_path / "lake")}))
    alice.post("/api/datastores", json={"yaml": f"name: lake\ntype: file\npath: {tmp_path / 'lake'}\n"})
    submitted(alice, yaml)
    stores.connect(settings)
    path = alice.get("/api/jobs/line_prepare").json()["outputs"]["out"]["path"]
    assert path == "azureml://datastores/lake/paths/azureml/${{name}}/${{output_name}}"


def test_a_retry_keeps_what_completed(alice):
    submitted(alice)
    end("line_prepare", outputs=["out"])
    end("line_train", Status.FAILED)
    assert alice.get("/api/jobs/line").json()["status"] == "Failed"
    assert alice.post("/api/jobs/line/retry").json()["status"] == "Running"
    pipelines.reconcile()
    nodes = {node["id"]: node for node in graph(alice)["nodes"]}
    assert nodes["prepare"]["job"] == "line_prepare" and nodes["train"]["status"] == "Queued"
    assert nodes["train"]["job"] not in (None, "line_train")
    end(nodes["train"]["job"], outputs=["model"])
    end("line_report")
    assert alice.get("/api/jobs/line").json()["status"] == "Completed"
    assert alice.post("/api/jobs/line/retry").status_code == 409
    # A clone finds the component files that the first one was sent with.
    clone = {"yaml": YAML.replace("name: line", "name: clone"), "from": "line", "keep_code": "true"}
    assert alice.post("/jobs/new", data=clone).status_code < 400
    assert alice.get("/api/jobs/clone").json()["status"] == "Running"
