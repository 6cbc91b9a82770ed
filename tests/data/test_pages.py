"""Pages of data assets: what they show, and what their forms do."""

from html import unescape

import pytest

from app.assets.addresses import stored_address
from app.data import queries, service
from app.data.pages_new import read_tags, written_tags
from app.database import reading, transaction
from app.errors import Invalid
from app.kit.storage import store

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
FOLDER = {
    "readme.md": b"# Pictures <b>of</b> digits",
    "table.csv": b"a,b\n1,<i>two</i>\n",
    "sub/one.png": PICTURE,
    "sub/raw.bin": b"\0\1\2",
}


@pytest.fixture
def pictures(alice) -> str:
    """The address of a folder asset's version."""
    with transaction() as session:
        workspace_id = _workspace_id(session)
        for path, content in FOLDER.items():
            store().write_bytes(f"workspaces/{workspace_id}/uploads/x/pics/{path}", content)
        service.register(
            session, workspace_id, "pics", "uri_folder", stored_address("uploads/x/pics"), created_by="alice"
        )
    return "/data/pics/versions/1"


def _workspace_id(session) -> int:
    from app.access.queries import workspaces

    return next(found.id for found in workspaces(session) if found.name == "default")


def saved(name: str, version: str | None = None):
    with reading() as session:
        return queries.get_version(session, _workspace_id(session), name, version)


def sent(client, file=("a.csv", b"x\n1\n"), **fields):
    data = {"name": "mine", "type": "uri_file"} | fields
    return client.post("/data/new", data=data, files={"file": file} if file else None)


def test_the_list_is_filtered_sorted_and_paged(alice):
    for number in range(30):
        sent(alice, file=None, name=f"set-{number:02}", path="https://example.org/a.csv")
    first = alice.get("/data?sort=name").text
    assert "set-00" in first and "set-29" not in first and "1–25 of" in first
    assert "set-29" in alice.get("/data?sort=name&page=2").text
    narrowed = alice.get("/data?text=set-07").text
    assert "set-07" in narrowed and "set-08" not in narrowed
    assert "Nothing matches" in alice.get("/data?text=nowhere").text


def test_an_upload_becomes_a_version_that_can_be_looked_at(alice):
    answer = sent(alice, description="What I have", tags="source=me\nstage=draft")
    assert (answer.status_code, answer.headers["location"]) == (303, "/data/mine/versions/1")
    version = saved("mine")
    assert (version.tags, version.size_bytes) == ({"source": "me", "stage": "draft"}, 4)
    page = alice.get("/data/mine").text
    assert "azureml:mine:1" in page and "What I have" in page
    assert ">1</span></td>" in alice.get("/data/mine/versions/1/preview").text


def test_the_same_name_makes_the_next_version(alice):
    sent(alice)
    assert sent(alice, file=("a.csv", b"y\n2\n")).headers["location"] == "/data/mine/versions/2"
    page = alice.get("/data/mine/versions").text
    assert "/data/mine/versions/2" in page and "@latest" in page


def test_an_address_is_registered_as_it_is(alice):
    assert sent(alice, file=None, path="https://example.org/a.csv").status_code == 303
    assert "https://example.org/a.csv" in alice.get("/data/mine").text
    for tab in ("preview", "files"):
        assert "elsewhere" in alice.get(f"/data/mine/versions/1/{tab}").text


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"name": "two words"}, 400, "name"),
        ({"name": ""}, 400, "name"),
        ({"version": "a b"}, 400, "version"),
        ({"tags": "no equals sign"}, 400, "tags"),
        ({"file": None}, 400, "file"),
        ({"path": "https://example.org/a.csv"}, 400, "path"),
        ({"file": None, "path": "c:\\data.csv"}, 400, "path"),
        ({"file": None, "path": "azureml://datastores/workspaceblobstore/paths/nothing"}, 404, "path"),
        ({"file": None, "path": "https://example.org/a", "type": "table"}, 400, "type"),
        ({"name": "digits", "version": "1"}, 409, "version"),
    ],
)
def test_a_refused_form_says_which_field_is_wrong_and_keeps_the_rest(alice, fields, status, field):
    answer = sent(alice, **({"description": "kept words"} | fields))
    assert answer.status_code == status, answer.text
    assert f'id="{field}-error"' in answer.text and "kept words" in answer.text
    assert alice.get("/api/data?text=mine").json()["total"] == 0


def test_a_folder_can_be_walked_and_looked_into(alice, pictures):
    top = alice.get(f"{pictures}/files").text
    assert "sub" in top and "readme.md" in top
    below = alice.get(f"{pictures}/files?path=sub").text
    assert "one.png" in below and "sub/one.png" in unescape(below)
    assert "is binary" in alice.get(f"{pictures}/preview?path=sub/raw.bin").text
    assert "/image?path=sub/one.png" in alice.get(f"{pictures}/preview?path=sub/one.png").text


def test_a_single_file_is_looked_at_whatever_its_name(alice):
    sent(alice, file=("LICENSE", b"Do as you like"))
    assert "Do as you like" in alice.get("/data/mine/versions/1/preview").text
    sent(alice, file=("weights", b"\0\1"))
    assert "is binary" in alice.get("/data/mine/versions/2/preview").text


def test_what_is_in_a_file_is_never_html(alice, pictures):
    text, table = (alice.get(f"{pictures}/preview?path={name}").text for name in ("readme.md", "table.csv"))
    assert "<b>of</b>" not in text and "&lt;b&gt;of" in text
    assert "<i>two</i>" not in table and "&lt;i&gt;two" in table


def test_a_picture_is_served_as_one_and_nothing_else_is(alice, pictures):
    answer = alice.get(f"{pictures}/image?path=sub/one.png")
    assert (answer.headers["content-type"], answer.content) == ("image/png", PICTURE)
    assert alice.get(f"{pictures}/image?path=readme.md").status_code == 400


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "sub/../../x"])
def test_a_path_leads_nowhere_else(alice, pictures, path):
    for tab in ("files", "preview", "image"):
        assert alice.get(f"{pictures}/{tab}", params={"path": path}).status_code == 400


def test_where_it_is_used_is_asked_of_the_jobs(alice, pictures):
    page = unescape(alice.get(f"{pictures}/lineage").text)
    assert "/jobs/_uses?kind=data&name=pics&version=1" in page


def test_description_and_tags_change_and_the_record_says_from_what(alice, pictures):
    assert alice.get(f"{pictures}/edit").status_code == 200
    answer = alice.post(f"{pictures}/edit", data={"description": "Better", "tags": "a=1"})
    assert answer.headers["location"] == pictures
    assert (saved("pics").description, saved("pics").tags) == ("Better", {"a": "1"})
    record = alice.get("/api/audit?target=pics").json()["value"][0]
    assert (record["before"]["description"], record["after"]["tags"]) == ("", {"a": "1"})


def test_an_archived_asset_leaves_the_list_and_comes_back(alice, pictures):
    assert alice.post("/data/pics/archive").status_code == 303
    assert "/data/pics/" not in alice.get("/data").text
    assert "/data/pics/" in alice.get("/data?show=archived").text
    assert alice.post("/data/pics/archive", data={"archived": "false"}).headers["location"].endswith("/data/pics")
    assert "/data/pics/" in alice.get("/data").text


def test_a_refused_version_leaves_the_asset_as_it_was(alice):
    alice.post("/data/digits/archive")
    before = alice.get("/api/data?archived=true").json()["value"]
    assert sent(alice, name="digits", version="1").status_code == 409
    assert alice.get("/api/data?archived=true").json()["value"] == before


def test_a_reader_sees_the_data_and_no_way_to_change_it(bob, pictures):
    page = bob.get(pictures).text
    assert "azureml:pics:1" in page and "Archive" not in page and "New version" not in page
    assert bob.get("/data/new").status_code == 403
    assert sent(bob).status_code == 403


def test_a_workspace_keeps_its_own_address(stranger):
    answer = stranger.post("/w/other/data/new", data={"name": "own", "path": "https://example.org/a"})
    assert answer.headers["location"] == "/w/other/data/own/versions/1"
    assert "/w/other/data/own" in stranger.get("/w/other/data").text
    assert stranger.get("/w/default/data").status_code == 404


def test_tags_are_read_as_they_are_written(settings):
    assert read_tags(written_tags({"a": "1", "b": "x=y"})) == {"a": "1", "b": "x=y"}
    with pytest.raises(Invalid, match="Line 3"):
        read_tags("a=1\n\nbroken")
    with pytest.raises(Invalid, match="given already"):
        read_tags("a=1\na=2")
