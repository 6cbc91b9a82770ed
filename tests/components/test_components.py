"""Components over REST, and jobs that are made from them."""

import pytest

TRAIN = """\
name: train
display_name: Train digits
type: command
inputs:
  data: {type: uri_file}
  lr: {type: number, default: 0.1, min: 0, max: 1}
  mode: {type: string, enum: [fast, slow], default: fast}
  note: {type: string, optional: true}
outputs:
  model: {type: uri_folder}
command: python train.py ${{inputs.data}} --lr ${{inputs.lr}} --mode ${{inputs.mode}} $[[--note ${{inputs.note}}]]
environment: azureml:pytorch-2.13-cpu@latest
resources: {docker_args: --memory 2g}
"""
JOB = """\
component: azureml:train@latest
inputs:
  data: {path: azureml:digits@latest}
  lr: 0.5
"""


def create(client, yaml: str = TRAIN, **uploads):
    return client.post("/api/components", json={"yaml": yaml, "uploads": uploads})


def submit(client, yaml: str = JOB, **uploads):
    return client.post("/api/jobs", json={"yaml": yaml, "uploads": uploads})


def said(answer) -> str:
    body = answer.json()
    return "\n".join([body["detail"], *(body.get("details") or [])])


def test_versions_are_numbered_and_immutable_and_leave_and_return(alice, bob, carol):
    first = create(carol)
    assert first.status_code == 201, first.text
    assert (first.json()["version"], first.json()["inputs"]["lr"]["max"]) == ("1", 1)
    assert create(alice, TRAIN.replace("lr: {", "rate: {").replace("inputs.lr", "inputs.rate")).json()["version"] == "2"
    taken = create(alice, TRAIN + "version: 2\n")
    assert (taken.status_code, taken.json()["target"]) == (409, "version")
    assert create(bob).status_code == 403

    assert alice.get("/api/components/train").json()["version"] == "2"
    assert alice.post("/api/components/train/versions/2/archive").json()["archived"]
    assert alice.get("/api/components/train").json()["version"] == "1"
    alice.post("/api/components/train/versions/2/restore")
    changed = alice.patch("/api/components/train/versions/1", json={"tags": {"team": "vision"}}).json()
    assert (changed["tags"], changed["description"]) == ({"team": "vision"}, "")
    assert [item["version"] for item in bob.get("/api/components/train/versions").json()["value"]] == ["2", "1"]
    assert alice.get("/api/components/train/versions/1/yaml").text == TRAIN

    alice.post("/api/components/train/archive")
    assert alice.get("/api/components").json()["total"] == 0
    assert alice.get("/api/components?archived=true").json()["value"][0]["name"] == "train"


def test_a_job_runs_a_component_with_its_defaults(alice, sent):
    create(alice)
    answer = submit(alice)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert job["component"] == "azureml:train:1"
    assert job["command"].startswith("python train.py") and job["display_name"] == "Train digits"
    assert {name: port.get("value") for name, port in job["inputs"].items()} == {
        "data": None, "lr": 0.5, "mode": "fast",
    }  # fmt: skip
    assert job["inputs"]["data"]["type"] == "uri_file" and job["outputs"]["model"]["type"] == "uri_folder"
    again = alice.post(f"/api/jobs/{job['name']}/resubmit").json()
    uses = alice.get("/jobs/_uses?kind=component&name=train&version=1").text
    assert f"/jobs/{job['name']}" in uses and f"/jobs/{again['name']}" in uses and "ran it" in uses
    assert "/components/train/versions/1" in alice.get(f"/jobs/{job['name']}").text


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_does_not_fit_the_interface_is_said_all_at_once(alice, sent):
    create(alice)
    text = said(submit(alice, "component: azureml:train:1\ncode: .\ninputs:\n  dta: 1\n  lr: 7\n  mode: fas\n"))
    expected = ["line 2", "`code` comes", "line 4", "no input `dta`; did you mean `data`?", "`inputs.data` is missing"]
    expected += ["line 5", "at most 1", "line 6", "did you mean 'fast'?"]
    assert [words for words in expected if words not in text] == []
    for reference, words in {"azureml:train:7": "no version '7'", "azureml:trian:1": "no component 'trian'"}.items():
        assert words in said(submit(alice, JOB.replace("azureml:train@latest", reference)))
    assert sent == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_bad_component_says_where_and_a_field_that_does_not_exist_is_a_warning(alice):
    text = said(create(alice, "inputs:\n  a: 3\n  b: {type: nmber}\n  c: {type: integer, default: x}\ncomand: hi\n"))
    expected = ["line 2", "line 3", "did you mean `number`?", "line 4", "no integer"]
    expected += ["line 5", "`comand` is not a field", "did you mean `command`?"]
    assert [words for words in expected if words not in text] == []
    assert "optional" in said(
        create(alice, "name: a\ncommand: echo ${{inputs.x}}\ninputs: {x: {type: string, optional: true}}")
    )
    assert "spark component" in said(create(alice, "name: a\nentry: {}\n"))
    misspelt = create(alice, TRAIN + "is_determinstic: false\n")
    assert misspelt.status_code == 201
    assert "did you mean `is_deterministic`?" in misspelt.json()["warnings"][0]
