"""Registries that ask for approval: who asks, who decides, and what is taken in; and archiving there."""

import pytest

from app.access import identity, queries, service
from app.cli import assets, main, registries
from app.database import transaction
from app.kit.storage import store
from app.sdk.client import Client

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
ASK = {"kind": "data", "name": "numbers", "version": "1", "reason": "It is complete."}
HERE = "/api/registries/careful"


@pytest.fixture
def careful(alice):
    """A registry that asks for approval, and data that might go there; bob may share."""
    file = "name: careful\nlocation: here\nrequires_approval: true\n"
    assert alice.post("/api/registries", json={"yaml": file}).json()["requires_approval"] is True
    store().write_bytes("workspaces/1/uploads/m/t.csv", b"a\n1\n")
    path = "azureml://datastores/workspaceblobstore/paths/uploads/m/t.csv"
    made = alice.post("/api/data", json={"name": "numbers", "type": "uri_file", "path": path})
    assert made.status_code == 201, made.text
    with transaction() as session:
        service.assign(session, queries.get_user(session, "bob"), queries.get_role(session, "Registry User"), 1)
    identity.forget()


def test_a_request_is_decided_once_by_a_manager(alice, bob, careful):
    direct = bob.post(f"{HERE}/data", json={"name": "numbers", "version": "1"})
    assert direct.status_code == 403 and "approves" in direct.json()["detail"]
    asked = bob.post(f"{HERE}/requests", json=ASK)
    assert (asked.status_code, asked.json()["state"]) == (201, "Pending"), asked.text
    number = asked.json()["id"]
    assert bob.post(f"{HERE}/requests", json=ASK).status_code == 409
    assert bob.post(f"{HERE}/requests/{number}/approve", json={}).status_code == 403
    assert alice.get(f"{HERE}/data").json()["total"] == 0
    approved = alice.post(f"{HERE}/requests/{number}/approve", json={"comment": "Well done."}).json()
    assert (approved["state"], approved["decided_by"], approved["comment"]) == ("Approved", "alice", "Well done.")
    assert bob.get(f"{HERE}/data/numbers").json()["created_by"] == "bob"
    again = alice.post(f"{HERE}/requests/{number}/refuse", json={})
    assert again.status_code == 409 and "approved already" in again.json()["detail"]
    record = alice.get("/api/audit?target=careful").json()["value"][0]
    assert record["after"]["to"] == "azureml://registries/careful/data/numbers/versions/1"


def test_pages_ask_refuse_and_withdraw(alice, bob, careful):
    assert "Reason" in bob.get("/registries/share?kind=data&name=numbers&version=1").text
    form = {**ASK, "registry": "careful"}
    sent = bob.post("/registries/share", data=form)
    assert (sent.status_code, sent.headers["location"]) == (303, "/w/default/registries/careful/requests"), sent.text
    for name in ("second", "third"):
        bob.post("/registries/share", data=form | {"share_with_name": name})
    page = alice.get("/registries/careful/requests").text
    assert "It is complete." in page and "Approve" in page
    assert "Approve" not in bob.get("/registries/careful/requests").text.partition("<tbody>")[2]
    assert alice.post("/registries/careful/requests/1/approve").status_code == 303
    assert alice.post("/registries/careful/requests/2/refuse", data={"comment": "Not yet."}).status_code == 303
    assert alice.post("/registries/careful/requests/3/withdraw").status_code == 403
    assert bob.post("/registries/careful/requests/3/withdraw").status_code == 303
    states = [row["state"] for row in bob.get(f"{HERE}/requests").json()["value"]]
    assert states == ["Withdrawn", "Refused", "Approved"]
    assert "Not yet." in bob.get("/registries/careful/requests?state=Refused").text


def test_the_command_line_asks_and_decides(alice, bob, careful, monkeypatch, capsys):
    def atelier(client, *arguments: str) -> str:
        token = client.headers["Authorization"].removeprefix("Bearer ")
        made = Client("http://testserver", token, transport=client._transport)
        for module in (registries, assets):
            monkeypatch.setattr(module, "connect", lambda _: made)
        assert main.main(list(arguments)) == 0
        return capsys.readouterr().out

    asked = ("data", "share", "-n", "numbers", "--version", "1", "--registry-name", "careful", "--reason", "Complete.")
    assert "Pending" in atelier(bob, *asked)
    assert "Complete." in atelier(alice, "registry", "requests", "-n", "careful", "--state", "Pending")
    assert "Refused" in atelier(alice, "registry", "refuse", "-n", "careful", "--request", "1", "--comment", "No.")
    atelier(bob, *asked)
    assert "Withdrawn" in atelier(bob, "registry", "withdraw", "-n", "careful", "--request", "2")
    alice.post("/api/registries", json={"yaml": "name: careful\ndescription: still careful\n"})
    assert alice.get(HERE).json()["requires_approval"] is True


def test_assets_of_a_registry_are_archived(alice, bob, careful):
    alice.post(f"{HERE}/data", json={"name": "numbers", "version": "1"})
    assert bob.post(f"{HERE}/data/numbers/archive").status_code == 403
    assert alice.post(f"{HERE}/data/numbers/archive").json()["archived"] is True
    assert alice.get(f"{HERE}/data").json()["total"] == 0
    assert "numbers" in alice.get("/registries/careful?kind=data&show=archived").text
    page = alice.get("/registries/careful/data/numbers/versions/1").text
    assert "Restore data" in page and "Archive version 1" in page
    assert alice.post("/registries/careful/data/numbers/archive", data={"archived": "false"}).status_code == 303
    assert alice.post(f"{HERE}/data/numbers/versions/1/archive").json()["archived"] is True
    assert alice.post(f"{HERE}/data/numbers/versions/1/restore").json()["archived"] is False
