"""Pages for signing in, and of account, tokens and people."""

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from app.access import identity, queries, service
from app.access.pages import local_page
from app.activity.tables import AuditRecord
from app.database import reading, transaction
from tests.conftest import PASSWORD

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def signed_in(client: TestClient, name: str, password: str = PASSWORD, next: str = ""):
    return client.post("/sign-in", data={"name": name, "password": password, "next": next})


def token_of(page: str) -> str:
    """The CSRF token in a page's form."""
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def link_for(name: str) -> str:
    with transaction() as session:
        return service.create_link(session, queries.get_user(session, name))


def records(action: str) -> list[AuditRecord]:
    with reading() as session:
        return session.query(AuditRecord).filter_by(action=action).order_by(AuditRecord.id).all()


def test_a_page_sends_who_is_not_signed_in_to_the_form_and_back(anonymous):
    sent_away = anonymous.get("/data?text=x")
    assert sent_away.status_code == 303
    form = anonymous.get(sent_away.headers["location"])
    assert 'value="/data?text=x"' in unescape(form.text)
    assert signed_in(anonymous, "bob", next="/data?text=x").headers["location"] == "/data?text=x"
    assert anonymous.get("/data").status_code == 200


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(anonymous):
    cookie = signed_in(anonymous, "bob").headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/", f"max-age={14 * 86400}"))


def test_after_signing_in_everybody_lands_where_they_may_be(anonymous, app):
    assert signed_in(anonymous, "bob").headers["location"] == "/sign-in"
    assert anonymous.get("/sign-in").headers["location"] == "/w/default/"
    elsewhere = TestClient(app, follow_redirects=False)
    signed_in(elsewhere, "stranger")
    assert elsewhere.get("/sign-in").headers["location"] == "/w/other/"


def test_a_wrong_password_is_answered_401_and_counted(anonymous):
    answer = signed_in(anonymous, "bob", "wrong password")
    assert answer.status_code == 401 and "set-cookie" not in answer.headers
    assert 'id="password-error"' in answer.text and 'value="bob"' in answer.text
    assert records("access/signIn")[-1].after == {"signed_in": False}
    for _ in range(9):
        signed_in(anonymous, "bob", "wrong password")
    assert signed_in(anonymous, "bob").status_code == 429


def test_an_empty_form_says_what_is_missing(anonymous):
    answer = anonymous.post("/sign-in", data={})
    assert answer.status_code == 400
    assert 'id="name-error"' in answer.text and 'id="password-error"' in answer.text


def test_a_form_from_another_site_is_refused(anonymous):
    data = {"name": "bob", "password": PASSWORD}
    assert anonymous.post("/sign-in", data=data, headers={"Origin": "https://evil.example"}).status_code == 403


def test_looking_at_a_link_does_not_use_it_up(anonymous):
    link = link_for("bob")
    for _ in range(2):
        assert link in anonymous.get(f"/sign-in/link?token={link}").text
    answer = anonymous.post("/sign-in/link", data={"token": link})
    assert answer.status_code == 303 and identity.COOKIE in anonymous.cookies
    assert anonymous.get("/data").status_code == 200


def test_a_link_works_once(anonymous, app):
    link = link_for("bob")
    assert anonymous.post("/sign-in/link", data={"token": link}).status_code == 303
    again = TestClient(app, follow_redirects=False).post("/sign-in/link", data={"token": link})
    assert again.status_code == 401 and "was used or is too old" in again.text


def test_signing_out_ends_the_session_on_the_server(browser):
    secret = browser.cookies[identity.COOKIE]
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    browser.cookies.set(identity.COOKIE, secret)
    assert browser.get("/data").status_code == 303


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example", "", "/"],
)
def test_an_address_that_leads_away_is_not_followed(address, settings):
    assert local_page(address) == ""


def test_a_fragment_is_never_what_one_lands_on(settings):
    assert local_page("/w/other/jobs/x/_status") == "/w/other/jobs/x"
    assert local_page("/jobs?status=Failed") == "/jobs?status=Failed"


def test_a_token_is_shown_once_with_lines_to_copy(browser):
    answer = browser.post("/account/tokens", data={"name": "laptop", "days": "30"})
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    plain = re.search(r"atl_[\w-]{20,}", answer.text)[0]
    for line in (
        "export ATELIER_URL=http://testserver",
        f"export ATELIER_TOKEN={plain}",
        f"export MLFLOW_TRACKING_TOKEN={plain}",
    ):
        assert line in answer.text
    assert plain not in browser.get("/account/tokens").text
    assert TestClient(browser.app, headers={"Authorization": f"Bearer {plain}"}).get("/api/me").status_code == 200


def test_a_revoked_token_proves_nothing(browser):
    answer = browser.post("/account/tokens", data={"name": "laptop", "days": ""})
    plain = re.search(r"atl_[\w-]{20,}", answer.text)[0]
    address = re.search(r'action="[^"]*(/account/tokens/\d+/revoke)"', answer.text)[1]
    assert browser.post(address).status_code == 303
    assert TestClient(browser.app, headers={"Authorization": f"Bearer {plain}"}).get("/api/me").status_code == 401


def test_nobody_revokes_the_token_of_somebody_else(browser, bob):
    with reading() as session:
        token = queries.tokens(session, queries.get_user(session, "bob").id)[0]
    assert browser.post(f"/account/tokens/{token.id}/revoke").status_code == 404


@pytest.mark.parametrize(
    ("data", "field"), [({"name": " "}, "name"), ({"name": "x" * 101}, "name"), ({"name": "x", "days": "9"}, "days")]
)
def test_a_token_form_says_which_field_is_wrong(browser, data, field):
    answer = browser.post("/account/tokens", data=data)
    assert answer.status_code == 400 and f'id="{field}-error"' in answer.text


def test_a_form_without_scripts_carries_its_own_csrf_token(browser):
    del browser.headers["X-CSRF-Token"]
    data = {"name": "laptop", "days": ""}
    assert browser.post("/account/tokens", data=data).status_code == 403
    data["csrf_token"] = token_of(browser.get("/account/tokens").text)
    assert browser.post("/account/tokens", data=data).status_code == 201


def test_a_new_password_ends_the_old_sign_in(browser):
    new = "another long password"
    data = {"current_password": PASSWORD, "new_password": new, "repeated": new}
    assert browser.post("/account/password", data=data).headers["location"] == "/sign-in"
    assert browser.get("/account").status_code == 303
    del browser.headers["X-CSRF-Token"]
    assert signed_in(browser, "alice", new).status_code == 303


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"current_password": "not this one"}, "current_password"),
        ({"new_password": "short", "repeated": "short"}, "new_password"),
        ({"repeated": "something else"}, "repeated"),
    ],
)
def test_a_refused_password_is_explained_beside_its_field(browser, changed, field):
    data = {"current_password": PASSWORD, "new_password": "another long password", "repeated": "another long password"}
    answer = browser.post("/account/password", data=data | changed)
    assert answer.status_code == 400 and f'id="{field}-error"' in answer.text
    assert records("access/account/write") == []


def test_an_owner_adds_a_person_who_then_signs_in(browser, anonymous):
    data = {"name": "dora", "display_name": "Dora", "password": PASSWORD, "role": "Reader"}
    assert browser.post("/access/new", data=data).headers["location"] == "/access"
    assert "Dora" in browser.get("/access").text
    signed_in(anonymous, "dora")
    assert anonymous.get("/data").status_code == 200


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"name": "two words"}, 400, "name"),
        ({"name": "bob"}, 409, "name"),
        ({"password": "short"}, 400, "password"),
        ({"role": "King"}, 404, "role"),
    ],
)
def test_a_refused_person_is_not_half_made(browser, changed, status, field):
    data = {"name": "dora", "password": PASSWORD, "role": "Reader"} | changed
    answer = browser.post("/access/new", data=data)
    assert answer.status_code == status and f'id="{field}-error"' in answer.text
    with reading() as session:
        assert queries.find_user(session, "dora") is None
    assert records("access/write") == []


def test_a_role_is_given_and_taken_by_page(browser, stranger):
    assert stranger.get("/data").status_code == 404
    assert browser.post("/access/assignments", data={"user": "stranger", "role": "Reader"}).status_code == 303
    assert stranger.get("/data").status_code == 200
    page = browser.get("/access").text
    dialog = page[page.index("Remove Stranger from this workspace?") :]
    address = re.search(r'action="[^"]*(/access/assignments/\d+/remove)"', dialog)[1]
    assert browser.post(address).status_code == 303
    assert stranger.get("/data").status_code == 404


def test_a_role_for_nobody_is_refused_beside_the_field(browser):
    answer = browser.post("/access/assignments", data={"user": "nobody", "role": "Reader"})
    assert answer.status_code == 404 and 'id="user-error"' in answer.text


def test_a_reader_sees_people_and_roles_but_no_forms(bob):
    page = bob.get("/access").text
    assert "Alice" in page and "Give a role" not in page
    assert "May see everything but secrets." in bob.get("/access/roles").text
    assert bob.post("/access/assignments", data={"user": "bob", "role": "Owner"}).status_code == 403
