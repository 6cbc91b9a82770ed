"""What many requests log is written together, and answered one by one."""

from concurrent.futures import Future

import pytest
from sqlalchemy import select

from app.database import reading
from app.errors import Invalid
from app.jobs.tables import Job
from app.tracking import service
from app.tracking.metrics import Metric
from app.tracking.together import GroupWriter
from tests.dialects.calls import call, data_of, new_run


def _refuse(session) -> None:
    raise Invalid("no")


def test_one_that_fails_takes_no_other_with_it(alice):
    name = new_run(alice)
    with reading() as session:
        run = session.scalar(select(Job).where(Job.name == name))

    def write(key: str):
        return lambda session: service.log_batch(session, run, metrics=[Metric(key, 1.0, 1, 0)])

    group = [(write("a"), Future()), (_refuse, Future()), (write("b"), Future())]
    GroupWriter()._commit(group)
    assert group[0][1].result(0) is None and group[2][1].result(0) is None
    with pytest.raises(Invalid):
        group[1][1].result(0)
    assert data_of(alice, name)["metrics"] == {"a": 1.0, "b": 1.0}
    assert len(call(alice, "GET", "metrics/get-history", run_id=name, metric_key="a")["metrics"]) == 1


def test_a_write_is_committed_when_its_future_is_done(alice):
    name = new_run(alice)
    with reading() as session:
        run = session.scalar(select(Job).where(Job.name == name))
    writer = GroupWriter()
    done = [
        writer.submit(
            lambda session, step=step: service.log_batch(session, run, metrics=[Metric("m", 1.0, step, step)])
        )
        for step in range(200)
    ]
    for future in done:
        future.result(30)
    assert len(call(alice, "GET", "metrics/get-history", run_id=name, metric_key="m")["metrics"]) == 200
