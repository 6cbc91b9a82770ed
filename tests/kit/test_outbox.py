"""Tasks leave after commit, or never."""

import pytest
from sqlalchemy import text

from app.database import transaction
from app.kit import outbox
from app.kit.outbox import enqueue


def test_a_task_leaves_at_commit_and_not_before(started, sent):
    with transaction() as session:
        session.execute(text("SELECT 1"))
        enqueue(session, "jobs.run", 1)
        assert sent == []
    assert sent == [("jobs.run", (1,))]


def test_a_rolled_back_transaction_sends_nothing(started, sent):
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.execute(text("SELECT 1"))
        enqueue(session, "jobs.run", 1)
        raise ZeroDivisionError
    assert sent == []


def test_a_queue_that_is_away_loses_no_commit(started):
    def refuse(name, args):
        raise ConnectionError("no Redis")

    outbox.connect(refuse, lambda channel, kind: None)
    with transaction() as session:
        session.execute(text("SELECT 1"))
        enqueue(session, "jobs.run", 1)


def test_a_savepoint_sends_nothing(started, sent):
    with transaction() as session:
        enqueue(session, "jobs.run", 1)
        with session.begin_nested():
            enqueue(session, "jobs.run", 2)
        assert sent == []
    assert sent == [("jobs.run", (1,)), ("jobs.run", (2,))]
