"""Writes scorers: versions of a judge, and which traces it is to score by itself."""

import json
import secrets
import uuid
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import Invalid, NotFound
from app.evaluation import queries
from app.evaluation.tables import Scorer, ScorerVersion
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.kit.clock import milliseconds, now
from app.traces.search import search
from app.traces.service import insert
from app.traces.spans import clean

LONGEST_NAME = 256
_GATEWAY = "gateway:/"
_PARTS_WITH_MODEL = ("instructions_judge_pydantic_data", "builtin_scorer_pydantic_data", "third_party_scorer_data")


def register(session: Session, caller: Caller, experiment: Experiment, name: str, content: str) -> ScorerVersion:
    """A further version of the scorer of that name; the content is kept and never run here."""
    experiments.check_active(experiment)
    if not name.strip():
        raise Invalid("Scorer name cannot be empty or contain only whitespace.", target="name")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"name: the name of a scorer has at most {LONGEST_NAME} characters.", target="name")
    check(content)
    row = {"id": str(uuid.uuid4()), "experiment_id": experiment.id, "name": clean(name)}
    session.execute(insert(session, Scorer).values(row).on_conflict_do_nothing())
    scorer = queries.get_scorer(session, experiment, row["name"], lock=True)
    last = session.scalar(select(func.max(ScorerVersion.version)).where(ScorerVersion.scorer_id == scorer.id))
    made = ScorerVersion(
        scorer=scorer,
        version=(last or 0) + 1,
        content=clean(content),
        created_ms=milliseconds(now()),
        created_by=caller.user.name,
    )
    session.add(made)
    session.flush()
    return made


def check(content: str) -> None:
    """Raises Invalid for what no scorer can be here, and for one that is Python source."""
    parsed = _parsed(content)
    if _holds_source(parsed):
        # MLflow's client runs such source when it lists the scorers of an experiment, or fails to list any of them.
        raise Invalid(
            "Custom scorer registration (using @scorer decorator) is disabled, because whoever loads the scorer would "
            "run its code. Keep the code in a source code repository and import it, or register a built-in scorer or "
            "one of make_judge().",
            target="serialized_scorer",
        )
    model = _model(parsed)
    if model is not None and (not isinstance(model, str) or not model.strip()):
        raise Invalid("Scorer model must be a text that is not empty.", target="serialized_scorer")
    if model and model.startswith(_GATEWAY):
        raise NotFound(
            f"GatewayEndpoint not found (name='{model.removeprefix(_GATEWAY)}'): this server has no gateway. "
            "Name a model of a provider instead, such as openai:/gpt-4.1-mini.",
            target="serialized_scorer",
        )


def _parsed(content: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise Invalid(f"serialized_scorer must be valid JSON: {error}.", target="serialized_scorer") from error
    if not isinstance(parsed, dict):
        raise Invalid("serialized_scorer must be a JSON object.", target="serialized_scorer")
    return parsed


def _holds_source(value: Any) -> bool:
    """Whether a serialised scorer, or one within it, is Python source."""
    if isinstance(value, dict):
        return bool(value.get("call_source")) or any(_holds_source(held) for held in value.values())
    return isinstance(value, list) and any(_holds_source(held) for held in value)


def _model(scorer: dict[str, Any]) -> Any:
    """The model that a serialised scorer asks, None for one that asks none."""
    for part in _PARTS_WITH_MODEL:
        if isinstance(scorer.get(part), dict):
            return scorer[part].get("model")
    judge = scorer.get("memory_augmented_judge_data")
    return _model(judge.get("base_judge") or {}) if isinstance(judge, dict) else None


def delete(session: Session, experiment: Experiment, name: str, version: int | None = None) -> None:
    """One version, or the scorer with all of them."""
    found = queries.versions(session, experiment, name, version)
    scorer = found[0].scorer
    if version is None:
        session.delete(scorer)
    else:
        rows = delete_rows(ScorerVersion).where(ScorerVersion.scorer_id == scorer.id)
        session.execute(rows.where(ScorerVersion.version == version))
    session.flush()


def score_online(session: Session, experiment: Experiment, name: str, sample_rate: float, filter: str | None) -> Scorer:
    """Say which traces a scorer is to score as they come in: a share of those that a filter finds, 0 for none.

    Raises Invalid for a share above 0, because only a model behind MLflow's gateway can score by
    itself, and this server has no gateway.
    """
    if not 0 <= sample_rate <= 1:
        raise Invalid(f"sample_rate must be between 0.0 and 1.0, got {sample_rate}", target="sample_rate")
    experiments.check_active(experiment)
    search(session, experiment.workspace_id, [experiment.id], filter=filter or "", count=1)  # Raises where it is wrong.
    scorer = queries.get_scorer(session, experiment, name, lock=True)
    if sample_rate > 0:
        raise Invalid(
            f"Scorer '{name}' does not use a gateway model. Automatic evaluation is only supported for scorers "
            "that use gateway models.",
            target="sample_rate",
        )
    scorer.online_id, scorer.sample_rate, scorer.filter = secrets.token_hex(16), sample_rate, filter
    session.flush()
    return scorer
