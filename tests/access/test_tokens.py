"""Tokens, passwords, roles: what proves who somebody is, and what it opens."""

from app.access import identity, queries, service
from app.database import transaction
from tests.conftest import PASSWORD


def test_a_token_opens_until_it_is_revoked(alice, anonymous):
    made = alice.post("/api/tokens", json={"name": "laptop"}).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert anonymous.get("/api/me", headers=bearer).json()["name"] == "alice"
    assert made["token"] not in alice.get("/api/tokens").text
    assert alice.delete(f"/api/tokens/{made['id']}").status_code == 204
    assert anonymous.get("/api/me", headers=bearer).status_code == 401


def test_a_token_is_also_the_password_of_basic_authentication(alice, anonymous):
    token = alice.post("/api/tokens", json={"name": "mlflow"}).json()["token"]
    assert anonymous.get("/api/me", auth=("anything", token)).status_code == 200
    assert anonymous.get("/api/me", auth=("alice", PASSWORD)).status_code == 401


def test_nobody_revokes_the_token_of_another(alice, bob):
    token = alice.post("/api/tokens", json={"name": "laptop"}).json()
    assert bob.delete(f"/api/tokens/{token['id']}").status_code == 404


def test_a_run_token_may_log_but_not_submit_or_read_an_account(started, app, anonymous):
    with transaction() as session:
        user = queries.get_user(session, "alice")
        plain = service.create_run_token(session, user, "some-run", workspace_id=1)
    bearer = {"Authorization": f"Bearer {plain}"}
    assert anonymous.get("/api/jobs", headers=bearer).status_code == 200
    assert anonymous.post("/api/jobs", json={"command": "echo"}, headers=bearer).status_code == 403
    assert anonymous.get("/api/tokens", headers=bearer).status_code == 403
    with transaction() as session:
        service.revoke_run_tokens(session, "some-run")
    assert anonymous.get("/api/jobs", headers=bearer).status_code == 401


def test_a_role_gives_and_takes_rights_at_once(alice, bob):
    assert bob.post("/api/jobs", json={"command": "echo"}).status_code == 403
    made = alice.post("/api/role-assignments", json={"user": "bob", "role": "Contributor"})
    assert made.status_code == 201
    assert bob.post("/api/jobs", json={"command": "echo"}).status_code == 201
    assert alice.delete(f"/api/role-assignments/{made.json()['id']}").status_code == 204
    assert bob.get("/api/jobs").status_code == 404


def test_only_an_owner_gives_roles(bob, carol):
    for client in (bob, carol):
        assert client.post("/api/role-assignments", json={"user": "bob", "role": "Owner"}).status_code == 403


def test_every_write_leaves_an_audit_record_with_before_and_after(alice, bob):
    alice.post("/api/jobs", json={"yaml": "name: a\ncommand: echo"})
    alice.patch("/api/jobs/a", json={"description": "new"})
    newest = alice.get("/api/audit").json()["value"][0]
    assert (newest["actor"], newest["action"], newest["target_name"]) == ("alice", "jobs/write", "a")
    assert (newest["before"], newest["after"]) == ({"description": ""}, {"description": "new"})
    assert bob.patch("/api/jobs/a", json={"description": "no"}).status_code == 403
    assert alice.get("/api/audit").json()["value"][0]["at"] == newest["at"]


def test_a_session_without_its_form_token_writes_nothing(browser):
    browser.headers.pop("X-CSRF-Token")
    assert browser.post("/api/tokens", json={"name": "x"}).status_code == 403
    assert browser.get("/api/me").status_code == 200


def test_guessing_a_password_is_slowed_down(anonymous):
    statuses = [
        anonymous.post("/sign-in", data={"name": "alice", "password": f"wrong {n}"}).status_code for n in range(12)
    ]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert anonymous.post("/sign-in", data={"name": "alice", "password": PASSWORD}).status_code == 429


def test_a_sign_in_link_works_once(started, anonymous):
    with transaction() as session:
        link = service.create_link(session, queries.get_user(session, "alice"))
    first = anonymous.post("/sign-in/link", data={"token": link})
    assert first.status_code == 303 and identity.COOKIE in first.cookies
    anonymous.cookies.clear()
    assert anonymous.post("/sign-in/link", data={"token": link}).status_code == 401
