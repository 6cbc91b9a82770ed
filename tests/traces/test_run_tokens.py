"""A job's own token writes the traces of its run, and no other."""

import pytest

from app.access import queries, service
from app.database import transaction
from tests.dialects.calls import new_run
from tests.traces.calls import OTEL_ID, TRACE, call, export, found, span, start

OTHER = "b" * 32


@pytest.fixture
def job(alice, anonymous):
    """The client of a job's process, and the name of its run."""
    run = new_run(alice)
    with transaction() as session:
        token = service.create_run_token(session, queries.get_user(session, "alice"), run, workspace_id=1)
    anonymous.headers["Authorization"] = f"Bearer {token}"
    return anonymous, run


def test_its_traces_belong_to_its_run(job):
    client, run = job
    export(client, span(0))
    start(client, request_preview="mine")
    assert found(client, f"run_id = '{run}'") == [TRACE]
    call(client, "POST", f"/{TRACE}/assessments", assessment={"assessment_name": "a", "feedback": {"value": 1}})
    delete = {"experiment_id": "0", "request_ids": [TRACE]}
    assert call(client, "POST", "/delete-traces", **delete) == {"traces_deleted": 1}


def test_it_may_read_the_traces_of_others_and_not_change_them(alice, job):
    client, run = job
    export(alice, span(0, trace=OTHER))
    name = f"tr-{OTHER}"
    assert found(client) == [name]
    export(client, span(1, trace=OTHER), status=403)
    export(client, span(0, trace=OTEL_ID), span(1, trace=OTHER), status=403)
    start(client, name, status=403)
    call(client, "PATCH", f"/{name}/tags", 403, key="a", value="b")
    call(client, "POST", "/link-to-run", 403, trace_ids=[name], run_id=run)
    call(client, "POST", "/delete-traces", 403, experiment_id="0", request_ids=[name])
    path = f"/api/2.0/mlflow-artifacts/artifacts/1/traces/{name}/artifacts/traces.json"
    assert client.put(path, content=b"{}").status_code == 403
    assert found(alice) == [name]
