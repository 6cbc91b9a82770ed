"""The page of the audit record."""

import pytest

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_a_write_shows_with_who_did_what_to_which_thing(alice):
    alice.post("/api/tokens", json={"name": "laptop"})
    page = alice.get("/audit").text
    assert "access/account/write" in page and "laptop" in page and "alice" in page


def test_records_are_narrowed_by_each_column(alice, carol):
    alice.post("/api/tokens", json={"name": "laptop"})
    carol.post("/api/tokens", json={"name": "phone"})
    assert "phone" not in alice.get("/audit?actor=alice").text
    assert "laptop" not in alice.get("/audit?target=pho").text
    assert "Nothing matches" in alice.get("/audit?action=data").text


def test_long_records_come_in_pages(alice):
    for number in range(55):
        alice.post("/api/tokens", json={"name": f"token-{number}"})
    assert "1–50 of 55 records" in alice.get("/audit").text
    assert "token-0<" in alice.get("/audit?page=2").text


def test_what_changed_is_never_html(alice):
    alice.post("/data/digits/versions/1/edit", data={"description": "<b>bold</b>", "tags": ""})
    page = alice.get("/audit").text
    assert "<b>bold" not in page and "&lt;b&gt;bold" in page
