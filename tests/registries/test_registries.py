"""Registries: what one workspace shares another uses, by REST, job files, pages and the command line."""

import json

import pytest

from app.access import identity, queries, service
from app.cli import assets, changing, components, main, registries, versioned
from app.database import transaction
from app.kit.storage import store
from app.sdk.client import Client

TRAIN = """\
name: train
type: command
inputs: {data: {type: uri_file}}
code: azureml://datastores/workspaceblobstore/paths/uploads/abc/src
command: python train.py ${{inputs.data}}
environment: azureml:pytorch-2.13-cpu@latest
"""
JOB = """\
component: azureml://registries/shared/components/train/versions/1
inputs:
  data: {path: azureml://registries/shared/data/numbers/labels/latest}
"""


@pytest.fixture
def filled(alice):
    """The registry `shared` with a model, data and a component of the workspace `default`."""
    assert alice.post("/api/registries", json={"yaml": "name: shared\nlocation: here\n"}).status_code == 201
    store().write_bytes("workspaces/1/uploads/abc/src/train.py", b"print(1)")
    store().write_bytes("workspaces/1/uploads/m/model/weights.bin", b"weights")
    own = "azureml://datastores/workspaceblobstore/paths/uploads/m/model"
    made = [
        alice.post("/api/models", json={"name": "net", "source": own, "type": "custom_model"}),
        alice.post("/api/data", json={"name": "numbers", "type": "uri_file", "path": f"{own}/weights.bin"}),
        alice.post("/api/components", json={"yaml": TRAIN}),
    ]
    assert [answer.status_code for answer in made] == [201, 201, 201]
    shared = [
        alice.post(f"/api/registries/shared/{kind}", json={"name": name, "version": "1"})
        for kind, name in (("models", "net"), ("data", "numbers"), ("components", "train"))
    ]
    assert [answer.status_code for answer in shared] == [201, 201, 201], [answer.text for answer in shared]
    return shared[0].json()


def test_another_workspace_uses_what_was_shared(filled, alice, stranger, sent):
    assert filled["id"] == "azureml://registries/shared/models/net/versions/1"
    assert filled["source"].endswith("/workspaces/default/models/net/versions/1") and filled["job"] is None
    job = stranger.post("/w/other/api/jobs", json={"yaml": JOB})
    assert job.status_code == 201, job.text
    job = job.json()
    name = job["name"]
    assert job["component"] == "azureml:registries/shared/train:1"
    page = stranger.get(f"/w/other/jobs/{name}").text
    assert "/w/other/registries/shared/components/train/versions/1" in page
    assert name in stranger.get("/w/other/registries/shared/data/numbers").text
    model = "inputs:\n  m: {type: custom_model, path: azureml://registries/shared/models/net/versions/1}\n"
    simple = "command: ls ${{inputs.m}}\nenvironment: azureml:pytorch-2.13-cpu@latest\n"
    assert stranger.post("/w/other/api/jobs", json={"yaml": simple + model}).status_code == 201
    missing = stranger.post(
        "/w/other/api/jobs", json={"yaml": simple + model.replace("net/versions/1", "net/versions/9")}
    )
    assert missing.status_code == 404 and "it has 1" in missing.json()["detail"]
    # Its own workspace does not see what else is in the one that shared, nor the registry's as a workspace.
    assert stranger.get("/api/models/net").status_code == 404
    assert "registry:shared" not in alice.get("/workspaces").text
    assert alice.get("/w/registry:shared/api/models").status_code == 404
    again = stranger.post("/w/other/api/models", json={"name": "mine", "source": filled["id"]})
    assert again.status_code == 201 and again.json()["size_bytes"] == len(b"weights")


def test_an_environment_is_shared_and_a_job_runs_in_it(filled, alice, stranger):
    conda = "name: own\nconda_file: {dependencies: [python=3.11, pip, {pip: [einops==0.8.0]}]}\n"
    assert alice.post("/api/environments", json={"yaml": conda}).status_code == 201
    shared = alice.post("/api/registries/shared/environments", json={"name": "own", "version": "1"})
    assert shared.status_code == 201, shared.text
    job = {"yaml": f"command: ls\nenvironment: {shared.json()['id']}\n"}
    made = stranger.post("/w/other/api/jobs", json=job)
    assert made.status_code == 201, made.text
    assert "einops" in alice.get("/api/registries/shared/environments/own").text
    uses = stranger.get("/w/other/registries/shared/environments/own").text
    assert made.json()["name"] in uses
    missing = stranger.post("/w/other/api/jobs", json={"yaml": job["yaml"].replace("shared", "nowhere")})
    assert missing.status_code == 404 and "no registry 'nowhere'" in missing.json()["detail"]


def test_what_was_shared_does_not_change_and_rights_are_those_of_roles(filled, alice, bob, carol):
    again = alice.post("/api/registries/shared/models", json={"name": "net", "version": "1"})
    assert (again.status_code, again.json()["target"]) == (409, "share_with_version")
    other = {"name": "net", "version": "1", "share_with_name": "best", "share_with_version": "7"}
    assert alice.post("/api/registries/shared/models", json=other).json()["version"] == "7"
    assert [row["name"] for row in bob.get("/api/registries/shared/models?sort=name").json()["value"]] == [
        "best",
        "net",
    ]
    assert bob.get("/api/registries/shared/models/net/versions/1/download").status_code == 200
    for client in (bob, carol):
        assert client.post("/api/registries/shared/models", json=other).status_code == 403
        assert client.post("/api/registries", json={"yaml": "name: own"}).status_code == 403
    with transaction() as session:
        service.assign(session, queries.get_user(session, "bob"), queries.get_role(session, "Registry User"), 1)
    identity.forget()
    assert bob.post("/api/registries/shared/models", json=other | {"share_with_version": "8"}).status_code == 201
    record = alice.get("/api/audit?target=shared").json()["value"][0]
    assert (record["actor"], record["after"]["to"][-8:]) == ("bob", "rsions/8")
    assert alice.delete("/api/registries/shared").status_code == 204
    assert bob.get("/api/registries/shared/models").status_code == 404
    assert alice.get("/api/models/net").status_code == 200


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_pages_share_and_show(filled, alice, bob):
    assert "shared" in bob.get("/registries").text
    for kind, name in (("models", "net"), ("data", "numbers"), ("components", "train")):
        assert name in bob.get(f"/registries/shared?kind={kind}").text
        page = bob.get(f"/registries/shared/{kind}/{name}/versions/1").text
        assert f"azureml://registries/shared/{kind}/{name}/versions/1" in page and "default" in page
        assert "Share to a registry" in alice.get(f"/{kind}/{name}/versions/1").text
        assert "Share to a registry" not in bob.get(f"/{kind}/{name}/versions/1").text
    form = {"kind": "models", "name": "net", "version": "1", "registry": "shared"}
    refused = alice.post("/registries/share", data=form | {"share_with_name": "net", "share_with_version": "1"})
    assert refused.status_code == 409 and 'id="share_with_version-error"' in refused.text
    made = alice.post("/registries/share", data=form | {"share_with_name": "net", "share_with_version": "2"})
    assert made.headers["location"].endswith("/registries/shared/models/net/versions/2")
    assert alice.post("/registries", data={"name": "a b"}).status_code == 400
    assert alice.post("/registries", data={"name": "second"}).status_code == 303


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_the_command_line_shares_and_asks(filled, alice, monkeypatch, capsys):
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    for module in (registries, assets, changing, components, versioned):
        monkeypatch.setattr(module, "connect", lambda _: Client("http://testserver", token, transport=alice._transport))

    def atelier(*arguments: str) -> str:
        capsys.readouterr()
        assert main.main(list(arguments)) == 0
        return capsys.readouterr().out

    atelier("registry", "create", "--name", "prod", "--description", "ready")
    assert json.loads(atelier("registry", "list", "-o", "json", "--query", "[].name")) == ["prod", "shared"]
    shared = ("model", "share", "-n", "net", "--version", "1", "--registry-name", "prod", "--share-with-version", "3")
    assert "azureml://registries/prod/models/net/versions/3" in atelier(*shared)
    assert "net" in atelier("model", "list", "--registry-name", "prod")
    assert "numbers" in atelier("data", "show", "-n", "numbers", "--registry-name", "shared")
    assert "train" in atelier("component", "list", "--registry-name", "shared")
    for noun, name in (("model", "net"), ("data", "numbers")):
        shown = (noun, "archive", "-n", name, "--version", "1", "-o", "json", "--query", "archived")
        assert atelier(*shown) == "true\n"
        assert atelier(noun, "restore", *shown[2:]) == "false\n"
    assert main.main(["registry", "delete", "-n", "prod"]) == 1
    atelier("registry", "delete", "-n", "prod", "--yes")
