"""What could not be delivered is tried again with growing waits, and what became of it is written down."""

from datetime import timedelta

import pytest

from app.notifications import service, tables
from tests.alerts.test_rules import _end, _rule
from tests.dialects.calls import new_run

ONLY_SQLITE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def _sent(client) -> dict:
    return client.get("/api/deliveries").json()["value"][0]


def _later(monkeypatch, by: timedelta) -> None:
    at = service.now() + by
    monkeypatch.setattr(service, "now", lambda: at)


def test_a_receiver_that_is_down_is_tried_until_it_has_failed(carol, receiver, work, monkeypatch):
    receiver.answers = [503]
    _rule(carol, on="ended", webhook_url=receiver.url)
    _end(carol, new_run(carol))
    for attempt, wait in enumerate(service.WAITS, 1):
        work()
        assert (_sent(carol)["status"], _sent(carol)["attempts"]) == ("Pending", attempt)
        work()
        assert len(receiver.posts) == attempt
        _later(monkeypatch, wait)
    work()
    failed = _sent(carol)
    assert (failed["status"], failed["answer_status"], failed["answer"]) == ("Failed", 503, "thanks")
    assert len({headers["X-Atelier-Delivery-Id"] for headers, _ in receiver.posts}) == 1
    receiver.answers = [200]
    assert carol.post(f"/api/deliveries/{failed['id']}/retry").json()["status"] == "Pending"
    work()
    assert _sent(carol)["status"] == "Delivered"
    assert carol.post(f"/api/deliveries/{failed['id']}/retry").status_code == 409


@ONLY_SQLITE
def test_redirects_and_private_addresses_are_refused_at_once(carol, started, receiver, work):
    receiver.answers = [302]
    _rule(carol, on="ended", webhook_url=receiver.url.replace("127.0.0.1", "localhost"))
    _end(carol, new_run(carol))
    work()
    assert _sent(carol)["status"] == "Failed" and "redirects" in _sent(carol)["answer"]
    started.webhooks_allow_private = False
    _end(carol, new_run(carol))
    work()
    assert _sent(carol)["status"] == "Failed" and "own network" in _sent(carol)["answer"]
    assert len(receiver.posts) == 1


@ONLY_SQLITE
def test_a_mailbox_that_does_not_exist_and_a_server_without_mail(carol, started, mails, work):
    _rule(carol, on="ended", emails=["nobody@example.com"])
    _end(carol, new_run(carol))
    work()
    assert (_sent(carol)["status"], _sent(carol)["answer"]) == ("Failed", "no such mailbox")
    started.smtp_host = ""
    _end(carol, new_run(carol))
    work()
    assert "ATELIER_SMTP_HOST" in _sent(carol)["answer"] and not mails


@ONLY_SQLITE
def test_an_attempt_that_was_lost_with_its_worker_is_made_again(carol, receiver, work, monkeypatch):
    _rule(carol, on="ended", webhook_url=receiver.url)
    _end(carol, new_run(carol))
    from app.database import transaction

    with transaction() as session:
        assert len(service.claim(session, 8)) == 1
        assert service.claim(session, 8) == []
    work()
    assert receiver.posts == []
    _later(monkeypatch, service.LEASE)
    work()
    assert _sent(carol)["status"] == tables.State.DELIVERED and _sent(carol)["attempts"] == 2
