"""Pages of registered models: what they show, and what their forms do."""

import json
from html import unescape

import pytest

from app.access.queries import workspaces
from app.database import reading, transaction
from app.kit.storage import store
from app.models import queries, service

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

COLUMNS = [
    {"name": "alcohol", "type": "double", "required": True},
    {"name": "<b>colour</b>", "type": "string", "required": False},
]
MLMODEL = f"""flavors:
  python_function: {{loader_module: mlflow.sklearn}}
  sklearn: {{pickled_model: model.pkl}}
signature:
  inputs: '{json.dumps(COLUMNS)}'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "int64", "shape": [-1]}}}}]'
"""
SOURCE = "azureml://datastores/workspaceblobstore/paths/uploads/x/model"


def workspace_id(session) -> int:
    return next(found.id for found in workspaces(session) if found.name == "default")


@pytest.fixture
def files(started) -> None:
    with reading() as session:
        root = f"workspaces/{workspace_id(session)}/uploads/x"
    store().write_bytes(f"{root}/model/MLmodel", MLMODEL.encode())
    store().write_bytes(f"{root}/model/model.pkl", b"\0\1\2")
    store().write_bytes(f"{root}/weights/weights.txt", b"1 2 3 <i>four</i>")


@pytest.fixture
def wine(alice, files) -> str:
    """The address of a model's first version."""
    answer = register(alice)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def register(client, **fields):
    return client.post("/models/register", data={"name": "wine", "source": SOURCE} | fields)


def saved(name: str = "wine", version: int | None = None):
    with reading() as session:
        return queries.get_version(session, workspace_id(session), name, version)


def text_of(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def test_without_models_the_list_says_how_to_register_one(alice, bob):
    page = text_of(alice, "/models")
    assert "No models yet" in page and "mlflow.register_model" in page and "atelier model create" in page
    assert "/models/new" in page and "/models/new" not in text_of(bob, "/models")


def test_the_list_is_filtered_sorted_and_paged(alice, files):
    with transaction() as session:
        for number in range(30):
            service.create(session, workspace_id(session), f"model-{number:02}")
    first = text_of(alice, "/models?sort=name")
    assert "model-00" in first and "model-29" not in first and "1–25 of 30" in first
    assert "model-29" in text_of(alice, "/models?sort=name&page=2")
    narrowed = text_of(alice, "/models?text=model-07")
    assert "model-07" in narrowed and "model-08" not in narrowed
    assert "Nothing matches" in text_of(alice, "/models?text=nowhere")


def test_a_form_registers_a_version_and_then_the_next(alice, wine):
    assert wine == "/w/default/models/wine/versions/1"
    assert register(alice, description="Better").headers["location"].endswith("/versions/2")
    page = text_of(alice, "/models/wine")
    assert "Version 2" in page and "Better" in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "two words"}, "name"),
        ({"name": ""}, "name"),
        ({"source": ""}, "source"),
        ({"source": "runs:/nowhere/model"}, "source"),
        ({"source": "no address at all!"}, "source"),
        ({"source": SOURCE.replace("model", "weights"), "type": "mlflow_model"}, "type"),
        ({"type": "pickle"}, "type"),
    ],
)
def test_a_refused_registration_says_which_field_is_wrong(alice, files, fields, field):
    answer = register(alice, description="kept words", **fields)
    assert answer.status_code in (400, 404)
    assert f'id="{field}-error"' in answer.text and "kept words" in answer.text
    assert alice.get("/api/models").json()["total"] == 0


def test_a_version_shows_its_signature_and_where_it_came_from(alice, wine):
    page = text_of(alice, "/models/wine/versions/1")
    assert "alcohol" in page and "double" in page and "int64 tensor" in page and "sklearn" in page
    assert SOURCE in page and "azureml:wine:1" in page
    assert "/endpoints/_serving?model=wine&version=1" in page
    assert "/endpoints/new?model=wine:1" in page or "/endpoints/new?model=wine%3A1" in page


def test_what_a_model_says_is_never_html(alice, wine):
    answer = alice.get("/models/wine/versions/1").text
    assert "<b>colour</b>" not in answer and "&lt;b&gt;colour" in answer


def test_its_files_can_be_looked_at(alice, wine):
    assert "pickled_model" in text_of(alice, "/models/wine/versions/1/files")
    binary = text_of(alice, "/models/wine/versions/1/files?path=model.pkl")
    assert "not text" in binary and "/api/models/wine/versions/1/content?path=model.pkl" in binary
    assert alice.get("/models/wine/versions/1/files?path=nothing").status_code == 404
    assert alice.get("/models/wine/versions/1/files?path=../../secret").status_code == 400


def test_it_says_how_to_use_it(alice, wine):
    page = text_of(alice, "/models/wine/versions/1/use")
    assert 'load_model("models:/wine/1")' in page
    assert "model: azureml:wine:1" in page and "atelier model download --name wine --version 1" in page


def test_an_alias_moves_to_the_version_that_it_is_set_on(alice, wine):
    register(alice)
    for version in (1, 2):
        answer = alice.post(f"/models/wine/versions/{version}/aliases", data={"alias": "champion"})
        assert answer.headers["location"] == f"/w/default/models/wine/versions/{version}"
    assert "@champion" in text_of(alice, "/models/wine/versions/2")
    assert "@champion" not in text_of(alice, "/models/wine/versions/1")
    alice.post("/models/wine/versions/2/aliases/delete", data={"alias": "champion"})
    assert "@champion" not in text_of(alice, "/models/wine/versions/2")


@pytest.mark.parametrize("alias", ["", "two words", "latest", "v1"])
def test_a_wrong_alias_is_shown_beside_its_field(alice, wine, alias):
    answer = alice.post("/models/wine/versions/1/aliases", data={"alias": alias})
    assert answer.status_code == 400 and 'id="alias-error"' in answer.text


def test_a_version_moves_to_a_stage(alice, wine):
    assert alice.post("/models/wine/versions/1/stage", data={"stage": "Production"}).status_code == 303
    assert saved().stage == "Production"
    assert alice.post("/models/wine/versions/1/stage", data={"stage": "Nowhere"}).status_code == 400


@pytest.mark.parametrize("path", ["/models/wine", "/models/wine/versions/1"])
def test_description_and_tags_change_and_the_record_says_from_what(alice, wine, path):
    answer = alice.post(f"{path}/edit", data={"description": "Red", "tags": "owner=ada"})
    assert answer.status_code == 303
    page = text_of(alice, path)
    assert "Red" in page and "ada" in page
    record = alice.get("/api/audit").json()["value"][0]
    assert record["before"] == {"description": "", "tags": {}}
    assert record["after"] == {"description": "Red", "tags": {"owner": "ada"}}
    refused = alice.post(f"{path}/edit", data={"description": "kept words", "tags": "no equals sign"})
    assert refused.status_code == 400 and "kept words" in refused.text and 'id="tags-error"' in refused.text


def test_an_archived_model_leaves_the_list_and_comes_back(alice, wine):
    alice.post("/models/wine/archive", data={"archived": "true"})
    assert "No models yet" in text_of(alice, "/models")
    assert "/models/wine" in text_of(alice, "/models?show=archived")
    alice.post("/models/wine/archive", data={"archived": "false"})
    assert "/models/wine" in text_of(alice, "/models")


def test_an_archived_version_is_no_longer_the_newest(alice, wine):
    register(alice)
    alice.post("/models/wine/versions/2/archive", data={"archived": "true"})
    assert saved().version == 1
    page = text_of(alice, "/models/wine/versions/2")
    assert "Archived" in page and "Deploy</a>" not in page


def test_a_reader_sees_models_without_buttons_that_write(bob, wine):
    page = text_of(bob, "/models/wine/versions/1")
    assert "Deploy</a>" not in page and "/aliases" not in page and "/edit" not in page
    assert register(bob).status_code == 403


@pytest.mark.parametrize("path", ["/models/nothing", "/models/wine/versions/9", "/models/wine/versions/x"])
def test_what_is_not_there_is_said(alice, wine, path):
    assert alice.get(path).status_code in (400, 404)
