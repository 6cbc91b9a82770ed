"""Everything that changes what a run holds: its parameters, metrics, tags, and its own state."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import Invalid, NotFound
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.jobs import moves
from app.jobs.lifecycle import FINAL, Status
from app.jobs.specification.names import generate_name
from app.jobs.tables import Job, JobTag
from app.kit.clock import now
from app.kit.ids import sortable
from app.kit.outbox import hint
from app.tracking import metrics as store
from app.tracking import names, runs, seeds
from app.tracking.metrics import Metric
from app.tracking.runs import RunRef
from app.tracking.tables import Param

RUN_NAME = "mlflow.runName"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
ENDED_AT = "mlflow_ended_at"
Pairs = Sequence[tuple[str, str]]


def create_run(
    session: Session,
    caller: Caller,
    experiment: Experiment,
    *,
    name: str = "",
    user: str = "",
    started_at: datetime | None = None,
    tags: Pairs = (),
) -> Job:
    """A run that somebody logs; a parent is named by the tag `mlflow.parentRunId`.

    With a run's own token the run becomes a child of that run, so that the token may write to it.
    """
    experiments.check_active(experiment)
    given = checked_tags(tags)
    name = name or given.get(RUN_NAME) or generate_name()
    given[RUN_NAME] = name
    if user:
        given.setdefault("mlflow.user", user)
    job = Job(
        workspace_id=caller.workspace.id,
        experiment_id=experiment.id,
        name=sortable(),
        display_name=name,
        type="run",
        status=Status.RUNNING,
        created_by=caller.user.name,
        started_at=started_at or now(),
        description=given.get(NOTE, ""),
        parent_id=_parent_id(session, caller, given.get(PARENT)),
        tags=[JobTag(key=key, value=value) for key, value in given.items()],
    )
    session.add(job)
    session.flush()
    hint(session, f"jobs:{job.workspace_id}", "jobs")
    return job


def _parent_id(session: Session, caller: Caller, parent: str | None) -> int | None:
    found = runs.find(session, caller.workspace.id, parent or caller.run) if parent or caller.run else None
    if found is not None and parent:
        runs.get_writable(session, caller, parent)
    return found.id if found else None


def update_run(
    session: Session,
    job: Job,
    *,
    status: Status | None = None,
    ended_at: datetime | None = None,
    name: str | None = None,
) -> None:
    """What a client says of its run. Of a job that a worker runs, only the worker decides the state."""
    if name:
        set_tags(session, job, [(RUN_NAME, name)])
    if job.type != "run":
        if ended_at is not None:
            job.properties = {**job.properties, ENDED_AT: ended_at.isoformat()}
            session.flush()
        return
    if status is not None and status is not job.status:
        _move(session, job, status, ended_at)
    elif ended_at is not None and job.status in FINAL:
        job.ended_at = ended_at
        session.flush()


def _move(session: Session, job: Job, status: Status, ended_at: datetime | None) -> None:
    if job.status in FINAL:
        moves.reopen(session, job)
    if status in FINAL:
        moves.move(session, job, status, ended_at=ended_at or now())


def delete_run(session: Session, job: Job) -> None:
    """Out of sight; `restore_run` brings it back."""
    _set_stage(session, job, "deleted")


def restore_run(session: Session, job: Job) -> None:
    _set_stage(session, job, "active")


def _set_stage(session: Session, job: Job, stage: str) -> None:
    if job.type != "run" and stage == "deleted" and not job.status.is_final:
        raise Invalid(f"Job {job.name} is {job.status}. Cancel it before it is deleted.", target="run_id")
    job.lifecycle_stage = stage
    session.flush()
    hint(session, f"jobs:{job.workspace_id}", "jobs")


def log_batch(
    session: Session, run: RunRef | Job, metrics: Sequence[Metric] = (), params: Pairs = (), tags: Pairs = ()
) -> None:
    """All or nothing; raises Invalid where a parameter has another value already."""
    names.check_batch(len(metrics), len(params), len(tags))
    for key in {metric.key for metric in metrics}:
        names.check_key(key, "metric")
    if params:
        log_params(session, run, params)
    if metrics:
        store.append(session, run.id, metrics)
    if tags:
        set_tags(session, run, tags)
    hint(session, f"job:{run.id}", "metrics")


def log_params(session: Session, run: RunRef | Job, params: Pairs) -> None:
    new: dict[str, str] = {}
    for key, value in params:
        names.check_key(key, "param")
        value = names.check_value(key, value, "param", names.LONGEST_PARAM)
        if new.setdefault(key, value) != value:
            raise Invalid(
                f"Duplicate parameter keys have been submitted: {key!r}. A request holds one value per param key.",
                target="params",
            )
    known = dict(
        session.execute(select(Param.key, Param.value).where(Param.job_id == run.id, Param.key.in_(new))).all()
    )
    for key in known:
        if known[key] != new[key]:
            raise Invalid(
                f"Changing param values is not allowed. Param with key={key!r} was already logged with "
                f"value={known[key]!r} for run ID={run.name!r}. Attempted logging new value {new[key]!r}.",
                target=key,
            )
    rows = [{"job_id": run.id, "key": key, "value": value} for key, value in new.items() if key not in known]
    if rows:
        session.connection().execute(insert(Param.__table__), rows)
        seeds.add(session, run.id, [(row["key"], row["value"]) for row in rows])


def set_tags(session: Session, run: RunRef | Job, tags: Pairs) -> None:
    given = checked_tags(tags)
    if not given:
        return
    connection = session.connection()
    rows = [{"job_id": run.id, "key": key, "value": value} for key, value in given.items()]
    connection.execute(_SET_TAG[connection.dialect.name], rows)
    shown = {}
    if given.get(RUN_NAME):
        shown["display_name"] = given[RUN_NAME]
    if NOTE in given:
        shown["description"] = given[NOTE]
    if shown:
        connection.execute(update(Job.__table__).where(Job.__table__.c.id == run.id).values(**shown))
    if isinstance(run, Job):
        session.refresh(run)


def checked_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Tags whose keys may be logged, each value cut to what is kept."""
    given = {}
    for key, value in tags:
        names.check_key(key, "tag")
        given[key] = names.check_value(key, value, "tag", names.LONGEST_TAG)
    return given


def delete_tag(session: Session, run: RunRef | Job, key: str) -> None:
    gone = session.execute(delete(JobTag).where(JobTag.job_id == run.id, JobTag.key == key)).rowcount
    if not gone:
        raise NotFound(f"No tag with name: {key} in run with id {run.name}", target="key")


def _upsert_of(dialect):
    statement = dialect.insert(JobTag.__table__)
    return statement.on_conflict_do_update(index_elements=["job_id", "key"], set_={"value": statement.excluded.value})


_SET_TAG = {"sqlite": _upsert_of(sqlite), "postgresql": _upsert_of(postgresql)}
