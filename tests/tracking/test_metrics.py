"""The metric store: nothing is missed, nothing is counted twice, and writers may race."""

import threading

import pytest

from app.database import reading, transaction
from app.experiments import queries as experiments
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.tracking import metrics
from app.tracking.metrics import Metric, Point


@pytest.fixture
def job(started) -> int:
    """The id of a run."""
    with transaction() as session:
        experiment = experiments.get(session, 1, "0")
        run = Job(
            workspace_id=1,
            experiment_id=experiment.id,
            name="r",
            display_name="r",
            type="run",
            status=Status.RUNNING,
            created_by="x",
        )
        session.add(run)
        session.flush()
        return run.id


def _append(job: int, *points: Metric) -> int:
    with transaction() as session:
        return metrics.append(session, job, points)


def _points(series: dict[str, metrics.Columns]) -> dict[str, list[Point]]:
    return {key: [Point(*point) for point in zip(*columns, strict=True)] for key, columns in series.items()}


def test_a_position_tells_what_came_since(job):
    _append(job, Metric("a", 1, 10, 0), Metric("b", 2, 10, 0))
    with reading() as session:
        first, position = metrics.history_since(session, job, ["a", "b"])
    assert _points(first) == {"a": [Point(0, 10, 1)], "b": [Point(0, 10, 2)]}
    _append(job, Metric("a", 3, 11, 1), Metric("a", 4, 12, 2))
    with reading() as session:
        then, position = metrics.history_since(session, job, ["a", "b"], position)
        assert _points(then) == {"a": [Point(1, 11, 3), Point(2, 12, 4)]}
        assert metrics.history_since(session, job, ["a", "b"], position) == ({}, position)


def test_the_latest_point_never_goes_back(job):
    _append(job, Metric("a", 5, 10, 5))
    _append(job, Metric("a", 1, 99, 1), Metric("a", 4, 9, 5))
    _append(job, Metric("a", 6, 10, 5))
    with reading() as session:
        (found,) = metrics.latest(session, [job])[job]
    assert found == metrics.Latest("a", 6, 5, 10)


def test_writers_of_one_run_lose_nothing(job):
    def write(number: int) -> None:
        for step in range(20):
            _append(job, Metric("shared", step, number, step), Metric(f"own{number}", step, 1, step))

    seen: dict[str, list[Point]] = {}
    position = 0
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    keys = ["shared", *(f"own{number}" for number in range(4))]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        position = _follow(job, keys, position, seen)
    _follow(job, keys, position, seen)
    with reading() as session:
        assert {key: sorted(points) for key, points in seen.items()} == {
            key: sorted(metrics.history(session, job, key)) for key in keys
        }
    assert len(seen["shared"]) == 80


def _follow(job: int, keys: list[str], position: int, seen: dict) -> int:
    with reading() as session:
        found, position = metrics.history_since(session, job, keys, position)
    for key, points in _points(found).items():
        seen.setdefault(key, []).extend(points)
    return position


def test_what_is_rolled_back_was_never_there(job):
    with pytest.raises(RuntimeError), transaction() as session:
        metrics.append(session, job, [Metric("a", 1, 1, 1)])
        raise RuntimeError
    with reading() as session:
        assert metrics.history(session, job, "a") == [] and metrics.latest(session, [job]) == {}
