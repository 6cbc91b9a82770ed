"""Instances of one job find each other through the registry, and one that fails or is lost fails all."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.compute.tables import JobNode
from app.database import transaction
from app.errors import Unavailable
from app.kit.clock import now
from tests.compute.test_taking import join, submit, take
from workers.execution import nodes


def plan(rank: int) -> SimpleNamespace:
    return SimpleNamespace(job_id=1, rank=rank, attempt=1, spec={})


def change(rank: int, **changes) -> None:
    with transaction() as session:
        session.query(JobNode).filter_by(rank=rank).update(changes)


@pytest.fixture
def gang(alice):
    submit(alice, "gang", resources={"instance_count": 2})
    one, two = join("one"), join("two")
    assert take(one) == "gang"
    return one, two


def test_instances_meet_once_all_are_ready(gang):
    assert nodes.reserved(gang[0]) == [] and nodes.reserved(gang[1]) == [(1, 1, 1)]
    nodes.ready(plan(1))
    peers = nodes.gather(plan(0), check=lambda: None)
    assert len(peers) == 2 and peers == nodes.peers(plan(1)) and {peer.address for peer in peers} == {"127.0.0.1"}
    nodes.end(plan(1), 0, None)
    nodes.wait_for_others(plan(0), check=lambda: None)


def test_one_that_fails_or_is_lost_fails_all(gang):
    assert nodes.find_failure(plan(0)) is None
    change(1, lease_expires_at=now() - timedelta(seconds=1))
    assert "Instance 1 was lost" in nodes.find_failure(plan(0)).message
    nodes.end(plan(1), 7, "Exit code 7: no data.")
    with pytest.raises(Unavailable, match="Instance 1 failed: Exit code 7: no data"):
        nodes.gather(plan(0), check=lambda: None)
