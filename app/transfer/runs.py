"""Takes in experiments, runs and their metrics as they were elsewhere; nothing that is here is changed or removed."""

import re
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.assets import addresses
from app.assets.addresses import Stored
from app.dialects.mlflow import shapes
from app.dialects.mlflow.arguments import Arguments
from app.dialects.mlflow.lineage import dataset_of
from app.errors import Conflict, Invalid, NotFound
from app.experiments import queries as experiment_queries
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.jobs import moves
from app.jobs.tables import Job, JobTag
from app.kit.clock import from_milliseconds, milliseconds, now
from app.kit.storage import safe_key
from app.tracking import inputs, metrics, names, queries, runs, service
from app.tracking.metrics import Metric, Point
from app.tracking.tables import RunModel
from app.transfer import logged_models
from app.transfer.records import STAGES, JobPart, Outcome, object_of, part_of

IMPORTING = "importing"
"""The property of a run of which more is to come."""

MOST_POINTS = 100_000
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
SAME = ("type", "properties", "spec", "source_yaml", "command", "environment", "outputs", "warnings", "archived")
SAME += ("timeout_seconds", "max_retries", "attempt", "error", "exit_code")


def experiment(session: Session, caller: Caller, given: Arguments) -> Outcome:
    """The one of the same name is joined, and gets those tags that it lacks."""
    name, tags = given.text("name"), dict(given.pairs("tags"))
    stage = given.choice("lifecycle_stage", STAGES, "active")
    found = experiment_queries.find_by_name(session, caller.workspace.id, name)
    if found is None:
        location = given.optional_text("artifact_location") or None
        made = experiments.create(session, caller.workspace.id, name, tags=tags, artifact_location=location)
        made.created_at = given.time("creation_time") or made.created_at
        made.updated_at = given.time("last_update_time") or made.created_at
        made.lifecycle_stage = stage
        session.flush()
        return Outcome(str(made.id), True)
    if found.lifecycle_stage != stage == "active":
        raise Conflict(f"name: the experiment {name!r} is deleted here. Restore it first.", target="name")
    for key in tags.keys() - found.tags.keys() if found.lifecycle_stage == "active" else ():
        experiments.set_tag(session, found, key, tags[key])
    return Outcome(str(found.id), False)


def run(session: Session, caller: Caller, given: Arguments, *, partial: bool) -> Outcome:
    """A run, or what was lacking of one. While it is `partial` its state is NotStarted.

    Raises Conflict where the run of that id is another one: it started at another time, or has another
    value of a parameter.
    """
    info, data = given.object("info"), object_of(given, "data")
    part = part_of(given, JobPart) or JobPart()
    tags, params = dict(data.pairs("tags")), dict(data.pairs("params"))
    where = experiment_queries.get(session, caller.workspace.id, info.text("experiment_id"))
    job = runs.find(session, caller.workspace.id, info.text("run_id"))
    created = job is None
    if job is None:
        job = _create(session, caller, where, info, part, tags)
    else:
        _check_same(session, job, info, params)
        if job.lifecycle_stage == "deleted" and IMPORTING not in job.properties:
            return Outcome(job.name, False)
    _log(session, job, params, tags)
    reference = runs.reference_of(job)
    inputs.log_datasets(session, reference, [dataset_of(item) for item in _links(given, "inputs", "dataset_inputs")])
    missing = [] if partial else _finish(session, job, given, part)
    return Outcome(job.name, created, missing)


def _create(
    session: Session, caller: Caller, where: Experiment, info: Arguments, part: JobPart, tags: dict[str, str]
) -> Job:
    name = info.text("run_id")
    if not _RUN_ID.fullmatch(name):
        raise Invalid(
            f"info.run_id: {name[:50]!r} is no id of a run. It has up to 100 letters, digits, '_', '.' and '-'.",
            target="run_id",
        )
    started = info.time("start_time")
    job = Job(
        **{field: getattr(part, field) for field in SAME},
        workspace_id=caller.workspace.id,
        experiment_id=where.id,
        name=name,
        display_name=info.optional_text("run_name") or tags.get(service.RUN_NAME) or name,
        description=tags.get(service.NOTE, "") if part.description is None else part.description,
        created_by=part.created_by or info.optional_text("user_id") or caller.user.name,
        created_at=_time(part.created_ms) or started or now(),
        queued_at=_time(part.queued_ms),
        started_at=_time(part.started_ms) or (started if part.type == "run" else None),
        code=_code(caller, part.code),
        inputs={port: _below_workspace(caller, value) for port, value in part.inputs.items()},
        tags=[JobTag(key=key, value=value) for key, value in service.checked_tags(tags.items()).items()],
    )
    job.properties = {**part.properties, IMPORTING: True}
    job.experiment = where
    session.add(job)
    session.flush()
    return job


def _time(milliseconds: int):
    return from_milliseconds(milliseconds) if milliseconds else None


def _code(caller: Caller, address: str | None) -> str | None:
    if not address:
        return None
    found = addresses.parse(address, "atelier.code")
    if not isinstance(found, Stored):
        raise Invalid(f"atelier.code: {address!r} is no uploaded folder.", target="atelier.code")
    return f"workspaces/{caller.workspace.id}/{safe_key(found.path)}"


def _below_workspace(caller: Caller, port: dict) -> dict:
    return port | {"key": f"workspaces/{caller.workspace.id}/{safe_key(str(port['key']))}"} if "key" in port else port


def _check_same(session: Session, job: Job, info: Arguments, params: dict[str, str]) -> None:
    started = info.time("start_time")
    here = job.started_at or job.created_at
    if started and milliseconds(here) != milliseconds(started):
        raise Conflict(
            f"A run {job.name} is here already, and it is another one: it started at {here:%Y-%m-%d %H:%M:%S} UTC "
            f"and not at {started:%Y-%m-%d %H:%M:%S}. It was left as it is.",
            target="run_id",
        )
    known = queries.params(session, job)
    for key in known.keys() & params.keys():
        if known[key] != names.check_value(key, params[key], "param", names.LONGEST_PARAM):
            raise Conflict(
                f"A run {job.name} is here already, and it is another one: its parameter {key!r} is "
                f"{known[key][:100]!r} and not {params[key][:100]!r}. It was left as it is.",
                target="run_id",
            )


def _log(session: Session, job: Job, params: dict[str, str], tags: dict[str, str]) -> None:
    service.log_params(session, job, list(params.items()))
    known = dict(queries.tags_of(session, [job.id]).get(job.id, ()))
    service.set_tags(session, job, [(key, value) for key, value in tags.items() if key not in known])


def _links(given: Arguments, direction: str, name: str) -> list[Arguments]:
    return object_of(given, direction).objects(name)


def _finish(session: Session, job: Job, given: Arguments, part: JobPart) -> list[str]:
    info, tags = given.object("info"), dict(object_of(given, "data").pairs("tags"))
    missing = _set_parent(session, job, tags.get(service.PARENT) or part.parent)
    missing += _link_models(session, job, given)
    importing = IMPORTING in job.properties
    status = part.status or shapes.status_named(info.text("status"))
    if job.type != "run" and not status.is_final:
        raise Invalid(f"atelier.status: a job that is imported has ended; {status} is not the end.", target="status")
    if importing:
        job.properties = {name: value for name, value in job.properties.items() if name != IMPORTING}
        job.lifecycle_stage = info.choice("lifecycle_stage", STAGES, "active")
        session.flush()
    grew = job.type == "run" and not job.status.is_final and status.is_final
    if importing or grew:
        moves.settle(session, job, status, info.time("end_time"))
    return missing


def _set_parent(session: Session, job: Job, name: str | None) -> list[str]:
    if not name or job.parent_id is not None:
        return []
    parent = above = runs.find(session, job.workspace_id, name)
    while above is not None:
        if above.id == job.id:
            raise Invalid(f"The run {job.name} is named as an ancestor of itself.", target=service.PARENT)
        above = session.get(Job, above.parent_id) if above.parent_id else None
    if parent is None:
        return [f"The parent {name} of the run {job.name} is not here."]
    job.parent_id = parent.id
    session.flush()
    return []


def _link_models(session: Session, job: Job, given: Arguments) -> list[str]:
    wanted = [("input", item) for item in _links(given, "inputs", "model_inputs")]
    wanted += [("output", item) for item in _links(given, "outputs", "model_outputs")]
    missing = []
    for direction, item in wanted:
        model = logged_models.find(session, job.workspace_id, item.text("model_id"))
        if model is None:
            missing.append(f"The model {item.text('model_id')} of the run {job.name} is not here.")
        else:
            step = item.integer("step", 0)
            session.merge(RunModel(job_id=job.id, direction=direction, model_id=model.id, step=step))
    session.flush()
    return missing


def points(session: Session, caller: Caller, run_id: str, given: Arguments) -> tuple[Outcome, int]:
    """Points of series, `{key: [[value, milliseconds, step], …]}`; those that are here are skipped."""
    job = runs.get_writable(session, caller, run_id, deleted=True)
    series = {names.check_key(key, "metric"): _points(key, listed) for key, listed in given.fields.items()}
    if sum(map(len, series.values())) > MOST_POINTS:
        raise Invalid(f"A request may hold {MOST_POINTS:,} points; send the rest in further ones.", target="body")
    here, _ = metrics.history_since(session, job.id, list(series))
    new = []
    for key, found in series.items():
        known = {metrics.bits(point) for point in metrics.points_of(here.get(key))}
        distinct = {metrics.bits(point): point for point in found}
        new += [_metric(key, point) for bits, point in distinct.items() if bits not in known]
    metrics.append(session, job.id, new)
    return Outcome(job.name, bool(new)), len(new)


def _metric(key: str, point: Point) -> Metric:
    return Metric(key, point.value, point.timestamp, point.step)


def _points(key: str, listed: object) -> Sequence[Point]:
    if not isinstance(listed, list):
        raise Invalid(f"{key}: a series is a list of [value, milliseconds, step].", target=key)
    return [_point(key, index, item) for index, item in enumerate(listed)]


def _point(key: str, index: int, item: object) -> Point:
    if not isinstance(item, list) or len(item) != 3:
        raise Invalid(f"{key}[{index}]: a point is [value, milliseconds, step].", target=key)
    value, timestamp, step = item
    if type(value) is float and type(timestamp) is type(step) is int and max(abs(timestamp), abs(step)) < 2**63:
        return Point(step, timestamp, value)
    named = Arguments({"value": value, "timestamp": timestamp, "step": step}, f"{key}[{index}].")
    return Point(named.integer("step"), named.integer("timestamp"), named.number("value"))


def get(session: Session, caller: Caller, run_id: str) -> Job:
    job = runs.find(session, caller.workspace.id, run_id)
    if job is None:
        raise NotFound(f"There is no run {run_id!r} in this workspace.", target="run_id")
    return job
