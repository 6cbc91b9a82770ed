"""The page of the workers."""

import pytest

from app.compute import service
from app.database import transaction

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_without_a_worker_the_page_says_how_to_start_one(alice, started):
    assert f"atelier worker --server-config {started.home}/atelier.toml" in alice.get("/compute").text


@pytest.mark.parametrize("address", ["/compute", "/compute/_workers"])
def test_a_worker_shows_with_its_slots_and_use(bob, address):
    with transaction() as session:
        worker = service.join(
            session, name="forge-1", host="forge", pid=1, slots=4, processors=2, memory_bytes=8 << 30, gpus=[]
        )
        service.report(session, worker.id, {"cpu_percent": 12.5, "memory_used_bytes": 1 << 30, "jobs": 3})
    page = bob.get(address).text
    assert "forge-1" in page and "3 of 4" in page and 'data-status="Busy"' in page


def test_a_worker_that_has_joined_and_not_yet_reported_is_idle(bob):
    with transaction() as session:
        service.join(session, name="forge-1", host="forge", pid=1, slots=4, processors=2, memory_bytes=8 << 30, gpus=[])
    assert 'data-status="Idle"' in bob.get("/compute").text
