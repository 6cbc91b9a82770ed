"""Takes in logged models as they were elsewhere."""

import re

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.dialects.mlflow.arguments import Arguments
from app.dialects.mlflow.logged_models import STATUSES
from app.errors import Conflict, Invalid, NotFound
from app.experiments import queries as experiments
from app.kit.clock import milliseconds, now
from app.tracking import logged_models, metrics, runs
from app.tracking.metrics import Metric
from app.tracking.tables import LoggedModel
from app.transfer.records import STAGES, Outcome, object_of, stand_in

_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def logged_model(session: Session, caller: Caller, given: Arguments, *, partial: bool) -> Outcome:
    """A logged model, or what was lacking of one. While it is `partial` its state is PENDING."""
    info, data = given.object("info"), object_of(given, "data")
    model = find(session, caller.workspace.id, info.text("model_id"))
    status = STATUSES[info.choice("status", STATUSES, "LOGGED_MODEL_READY")]
    created = model is None
    if model is None:
        model = _create(session, caller, info)
    elif milliseconds(model.created_at) != info.integer("creation_timestamp_ms", milliseconds(model.created_at)):
        raise Conflict(
            f"A model {model.id} is here already, and it is another one: it was made at {model.created_at}. "
            "It was left as it is.",
            target="model_id",
        )
    missing = _link_run(session, model, info.optional_text("source_run_id"))
    known = {tag.key for tag in model.tags}, {param.key for param in model.params}
    logged_models.set_tags(session, model, [pair for pair in info.pairs("tags") if pair[0] not in known[0]])
    logged_models.log_params(session, model, [pair for pair in data.pairs("params") if pair[0] not in known[1]])
    missing += _metrics(session, model, data)
    if not partial and model.status == "PENDING":
        model.status = status
        model.updated_at = info.time("last_updated_timestamp_ms") or model.updated_at
        model.lifecycle_stage = info.choice("lifecycle_stage", STAGES, "active")
        session.flush()
    return Outcome(model.id, created, missing)


def find(session: Session, workspace_id: int, model_id: str) -> LoggedModel | None:
    """A model of the workspace by the id that it had elsewhere."""
    for id in (model_id, stand_in(model_id, workspace_id)):
        model = session.get(LoggedModel, id)
        if model is not None and model.workspace_id == workspace_id:
            return model
    return None


def _create(session: Session, caller: Caller, info: Arguments) -> LoggedModel:
    model_id = info.text("model_id")
    if not _MODEL_ID.fullmatch(model_id):
        raise Invalid(f"info.model_id: {model_id[:50]!r} is no id of a model.", target="model_id")
    is_taken = session.get(LoggedModel, model_id) is not None
    experiment = experiments.get(session, caller.workspace.id, info.text("experiment_id"))
    made_at = info.time("creation_timestamp_ms") or now()
    model = LoggedModel(
        id=stand_in(model_id, caller.workspace.id) if is_taken else model_id,
        workspace_id=caller.workspace.id,
        experiment_id=experiment.id,
        name=info.text("name"),
        model_type=info.optional_text("model_type"),
        created_by=info.optional_text("creator_id") or caller.user.name,
        created_at=made_at,
        updated_at=info.time("last_updated_timestamp_ms") or made_at,
    )
    model.experiment = experiment
    session.add(model)
    session.flush()
    return model


def _link_run(session: Session, model: LoggedModel, run_id: str) -> list[str]:
    if not run_id or model.job_id is not None:
        return []
    job = runs.find(session, model.workspace_id, run_id)
    if job is None:
        return [f"The run {run_id} that made the model {model.id} is not here."]
    model.job = job
    session.flush()
    return []


def _metrics(session: Session, model: LoggedModel, data: Arguments) -> list[str]:
    found: dict[str, list[Metric]] = {}
    for item in data.objects("metrics"):
        run = item.optional_text("run_id") or (model.job.name if model.job else "")
        found.setdefault(run, []).append(
            Metric(
                item.text("key"), item.number("value"), item.integer("timestamp"), item.integer("step", 0), model.id,
                item.optional_text("dataset_name"), item.optional_text("dataset_digest"),
            )
        )  # fmt: skip
    missing = []
    for run, measured in sorted(found.items()):
        job = runs.find(session, model.workspace_id, run)
        if job is None:
            missing.append(f"The run {run!r} that measured the model {model.id} is not here.")
        else:
            metrics.append_of_models(session, job.id, measured)
    return missing


def get(session: Session, caller: Caller, model_id: str) -> LoggedModel:
    model = find(session, caller.workspace.id, model_id)
    if model is None:
        raise NotFound(f"There is no logged model {model_id!r} in this workspace.", target="model_id")
    return model
