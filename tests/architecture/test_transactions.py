"""A request is one transaction, and it commits before the answer leaves."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from app.database import Sessions
from app.settings import PROJECT


def _fail(session):
    raise OSError("disk full")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_failed_commit_is_never_answered_with_success(app, alice):
    client = TestClient(app, headers=alice.headers, raise_server_exceptions=False)
    event.listen(Sessions, "before_commit", _fail)
    try:
        assert client.post("/api/tokens", json={"name": "x"}).status_code == 500
    finally:
        event.remove(Sessions, "before_commit", _fail)


def test_only_the_database_module_commits():
    found = [
        str(path.relative_to(PROJECT))
        for folder in ("app", "workers")
        for path in Path(PROJECT, folder).rglob("*.py")
        if re.search(r"\.commit\(\)", path.read_text())
    ]
    assert found == []
