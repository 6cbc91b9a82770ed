"""Connections and datastores over REST, pages and the command line, and what never leaves with them."""

import json

import pytest
from sqlalchemy import text

from app.cli import definitions, main
from app.database import reading
from app.sdk.client import Client

SECRET = "s3cr3t-value"
CONNECTION = f"""\
$schema: http://azureml/sdk-2-0/Connection.json
name: feed
type: python_feed
target: https://pypi.example.org/simple
credentials: {{type: username_password, username: ada, password: {SECRET}}}
"""
LAKE = f"""\
name: lake
type: azure_data_lake_gen2
account_name: acc
filesystem: raw
credentials: {{account_key: {SECRET}}}
"""
YAML = {"Content-Type": "application/yaml"}


def define(client, path: str, file: str):
    return client.post(f"/api/{path}", content=file, headers=YAML)


def test_secrets_are_encrypted_told_only_by_a_call_of_their_own_and_audited(alice, bob, carol, stranger):
    made = define(carol, "connections", CONNECTION)
    assert made.status_code == 201, made.text
    assert made.json()["credentials"] == {"type": "username_password", "username": "ada"}
    assert bob.get("/api/connections/feed").json()["target"] == "https://pypi.example.org/simple"
    assert bob.post("/api/connections/feed/secrets").status_code == 403
    assert stranger.get("/api/connections/feed").status_code == 404
    assert define(bob, "connections", CONNECTION).status_code == 403
    assert carol.post("/api/connections/feed/secrets").json() == {"password": SECRET}
    records = alice.get("/api/audit?target=feed").json()["value"]
    assert [record["action"] for record in records] == ["connections/secrets", "connections/write"]
    pages = [bob.get(path).text for path in ("/connections", "/connections/feed")]
    pages.append(carol.get("/connections/new?name=feed").text)
    assert all("feed" in page and SECRET not in page for page in [*pages, json.dumps(records)])
    with reading() as session:
        assert SECRET not in str(session.execute(text("SELECT * FROM connections")).all())


def test_what_goes_elsewhere_takes_no_credentials_along(alice):
    define(alice, "connections", CONNECTION)
    without = CONNECTION.rpartition("credentials")[0]
    assert define(alice, "connections", without + "description: ours\n").json()["description"] == "ours"
    moved = define(alice, "connections", without.replace("example.org", "evil.example"))
    assert (moved.status_code, moved.json()["target"]) == (400, "credentials")
    assert alice.post("/api/connections/feed/secrets").json() == {"password": SECRET}


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_wrong_file_is_told_all_of_its_problems_with_lines(alice):
    file = "name: a b\ntype: s3\nbukket: x\ncredentials: {type: acces_key}\n"
    problem = define(alice, "datastores", file).json()
    told = "\n".join([problem["detail"], *problem["details"]])
    for words in ("line 1, column", "'a b'", "did you mean `bucket`", "did you mean `access_key`"):
        assert words in told, told
    assert define(alice, "datastores", LAKE.replace("name: lake", "name: workspaceblobstore")).status_code == 409
    page = alice.post("/datastores/new", data={"text": file})
    assert page.status_code == 400 and "bukket" in page.text and "access_key" in page.text


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_datastores_from_the_command_line(alice, monkeypatch, capsys, tmp_path):
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    monkeypatch.setattr(
        definitions, "connect", lambda _: Client("http://testserver", token, transport=alice._transport)
    )
    (tmp_path / "lake.yml").write_text(LAKE)

    def atelier(*arguments: str) -> str:
        capsys.readouterr()
        assert main.main(["datastore", *arguments]) == 0
        return capsys.readouterr().out

    assert json.loads(atelier("create", "-f", str(tmp_path / "lake.yml"), "-o", "json"))["filesystem"] == "raw"
    assert "lake" in atelier("list") and SECRET not in atelier("show", "-n", "lake")
    assert "ours" in atelier("update", "-n", "lake", "--set", "description=ours", "tags.team=a")
    assert SECRET in atelier("show", "-n", "lake", "--populate-secrets")
    atelier("delete", "-n", "lake", "--yes")
    assert alice.get("/api/datastores").json()["total"] == 0
    assert "workspaceblobstore" in alice.get("/datastores").text
