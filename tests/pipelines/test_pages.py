"""The pages of a pipeline: its graph, the panel of a step, and where the time went."""

from datetime import datetime, timedelta

from app.database import transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.pipelines.timeline import spans_of, ticks
from tests.pipelines.test_pipelines import submitted
from workers.reconcile import pipelines

START = datetime(2030, 1, 1)


def run(name, *states, **changes):
    with transaction() as session:
        job = session.query(Job).filter_by(name=name).one()
        for state in states:
            moves.move(session, job, state, **(changes if state.is_final else {}))
    pipelines.reconcile()


def test_the_graph_shows_each_step_and_its_panel_the_cause(alice):
    submitted(alice)
    page = alice.get("/jobs/line/graph").text
    assert [f'id="item-{step}" data-status="{state}"' in page for step, state in (
        ("prepare", "Queued"), ("train", "NotStarted"), ("report", "NotStarted"),
    )] == [True] * 3  # fmt: skip
    assert "train to report: model → model" in page and "prepare to report: out → data" in page
    assert "It waits for" in alice.get("/jobs/line/graph/_step?step=train").text
    run("line_prepare", Status.PREPARING, Status.RUNNING, Status.FAILED, error={"message": "No data.", "detail": None})
    drawing = alice.get("/jobs/line/graph/_drawing").text
    assert 'id="item-prepare" data-status="Failed"' in drawing and 'id="item-train" data-status="Skipped"' in drawing
    assert "data-final" in drawing
    panel = alice.get("/jobs/line/graph?step=prepare").text
    assert "No data." in panel and 'href="/w/default/jobs/line_prepare"' in panel and "<log-view" in panel
    assert "Why it was not reused" in panel and "It was not run before." in panel
    assert "Retry failed steps" in panel and alice.post("/jobs/line/retry").status_code == 303
    pipelines.reconcile()
    assert 'id="item-prepare" data-status="Queued"' in alice.get("/jobs/line/graph").text
    missing = alice.get("/jobs/line/graph?step=absent")
    assert missing.status_code == 404 and "has no step" in missing.text


NESTED = """\
type: pipeline
name: outer
jobs:
  inner:
    type: pipeline
    component: {type: pipeline, name: two, jobs: {a: {type: command, component: ./a.yml}}}
"""
A = "type: command\nname: a\ncommand: echo 1\nenvironment: azureml:pytorch-2.13-cpu@latest\n"


def test_a_pipeline_within_a_pipeline_is_seen_from_without_and_leads_back(alice):
    submitted(alice, NESTED, {"./a.yml": A})
    pipelines.reconcile()
    panel = alice.get("/jobs/outer/graph/_step?step=inner").text
    assert 'href="/w/default/jobs/outer_inner/graph?step=a"' in panel and "Open its graph" in panel
    for page in ("outer_inner/graph", "outer_inner"):
        assert 'href="/w/default/jobs/outer/graph"' in alice.get(f"/jobs/{page}").text


SWEEP = """\
type: pipeline
name: once
jobs:
  tune:
    type: sweep
    trial: {command: "echo ${{search_space.lr}}"}
    sampling_algorithm: grid
    search_space: {lr: {type: choice, values: [1, 2]}}
    objective: {goal: minimize, primary_metric: loss}
    limits: {max_total_trials: 2}
"""


def test_a_sweep_that_was_taken_over_leads_to_the_trials_of_the_earlier_one(alice):
    submitted(alice, SWEEP)
    pipelines.reconcile()
    assert "<dt>lr</dt>" not in alice.get("/jobs/once/graph/_step?step=tune").text
    run("once_tune", Status.COMPLETED)
    submitted(alice, SWEEP.replace("once", "again"))
    pipelines.reconcile()
    assert 'href="/w/default/jobs/once_tune/trials"' in alice.get("/jobs/again_tune/trials").text
    assert 'href="/w/default/jobs/once_tune"' in alice.get("/jobs/again_tune").text


def test_the_timeline_says_where_the_time_went(alice):
    submitted(alice)
    run("line_prepare", Status.PREPARING, Status.RUNNING, Status.FINALIZING, Status.COMPLETED)
    page = alice.get("/jobs/line/timeline").text
    assert page.count('class="timeline-row is-critical"') == 2
    assert "phase-running" in page and "1 of 3 steps have not started: report." in page
    other = alice.post("/api/jobs", json={"yaml": "command: echo 1"}).json()["name"]
    assert alice.get(f"/jobs/{other}/timeline").status_code == 400


def test_phases_end_where_the_next_begins_also_after_a_retry():
    at = [START + timedelta(seconds=second) for second in range(10)]
    phases = spans_of(at[0], at[1], at[2], at[4], at[8], at[9], origin=at[0], at=at[9])
    assert [(span.phase, span.begin, span.end) for span in phases] == [
        ("Queued", 1, 2), ("Preparing", 2, 4), ("Running", 4, 8), ("Finalizing", 8, 9),
    ]  # fmt: skip
    again = spans_of(at[0], at[6], at[7], at[4], None, None, origin=at[0], at=at[9])
    assert [(span.phase, span.begin, span.end) for span in again] == [("Running", 4, 9)]
    assert ticks(7.5) == [0, 1, 2, 3, 4, 5, 6, 7] and ticks(3000)[1] == 600
