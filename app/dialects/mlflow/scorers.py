"""MLflow's calls about scorers: versions of judges, registered with an experiment."""

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer
from app.errors import Invalid
from app.evaluation import queries, scorers
from app.evaluation.permissions import DELETE, READ, WRITE
from app.evaluation.tables import Scorer, ScorerVersion
from app.experiments import queries as experiments
from app.experiments.service import check_active
from app.experiments.tables import Experiment
from app.web.session import SessionDep

router = APIRouter(prefix="/scorers")


def _experiment(session, caller, arguments: Arguments) -> Experiment:
    found = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    check_active(found)
    return found


def _version(arguments: Arguments) -> int | None:
    return arguments.integer("version") if "version" in arguments else None


def _shown(version: ScorerVersion) -> dict:
    return {
        "experiment_id": version.scorer.experiment_id,
        "scorer_name": version.scorer.name,
        "scorer_version": version.version,
        "serialized_scorer": version.content,
        "creation_time": version.created_ms,
        "scorer_id": version.scorer_id,
    }


def _online(scorer: Scorer) -> dict:
    shown = {
        "online_scoring_config_id": scorer.online_id,
        "scorer_id": scorer.id,
        "sample_rate": scorer.sample_rate,
        "experiment_id": str(scorer.experiment_id),
    }
    return shown | ({"filter_string": scorer.filter} if scorer.filter is not None else {})


@router.post("/register", dependencies=[allow(WRITE)])
def register(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    name, content = arguments.text("name"), arguments.text("serialized_scorer")
    made = scorers.register(session, caller, _experiment(session, caller, arguments), name, content)
    note(session, "scorers", made.scorer.name, after={"version": made.version})
    return answer(
        {
            "version": made.version,
            "scorer_id": made.scorer_id,
            "experiment_id": str(made.scorer.experiment_id),
            "name": made.scorer.name,
            "serialized_scorer": made.content,
            "creation_time": made.created_ms,
        }
    )


@router.get("/list", dependencies=[allow(READ)])
def listing(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """The newest version of each scorer, of one experiment, several, or all active ones."""
    one, several = arguments.optional_text("experiment_id"), "experiment_ids" in arguments
    if one and several:
        raise Invalid(
            "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to scope the query to "
            "multiple experiments, or 'experiment_id' to scope it to a single experiment.",
            target="experiment_ids",
        )
    workspace_id = caller.workspace.id
    if one:
        ids = [_experiment(session, caller, arguments).id]
    else:
        ids = experiments.ids(session, workspace_id, arguments.texts("experiment_ids")) if several else None
    return answer({"scorers": [_shown(one) for one in queries.newest_versions(session, workspace_id, ids)]})


@router.get("/versions", dependencies=[allow(READ)])
def versions(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.versions(session, _experiment(session, caller, arguments), arguments.text("name"))
    return answer({"scorers": [_shown(version) for version in found]})


@router.get("/get", dependencies=[allow(READ)])
def get(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment, name = _experiment(session, caller, arguments), arguments.text("name")
    return answer({"scorer": _shown(queries.versions(session, experiment, name, _version(arguments))[-1])})


@router.delete("/delete", dependencies=[allow(DELETE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    name, version = arguments.text("name"), _version(arguments)
    scorers.delete(session, _experiment(session, caller, arguments), name, version)
    note(session, "scorers", name, before={"version": version or "all"})
    return answer()


@router.get("/online-configs", dependencies=[allow(READ)])
def online_settings(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    if "scorer_ids" not in arguments:
        raise Invalid("Missing value for required parameter 'scorer_ids'.", target="scorer_ids")
    found = queries.with_online_settings(session, caller.workspace.id, arguments.texts("scorer_ids"))
    return answer({"configs": [_online(scorer) for scorer in found]})


@router.put("/online-config", dependencies=[allow(WRITE)])
def score_online(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    name, share = arguments.text("name"), arguments.number("sample_rate")
    filter = arguments.optional_text("filter_string") if "filter_string" in arguments else None
    scorer = scorers.score_online(session, _experiment(session, caller, arguments), name, share, filter)
    note(session, "scorers", name, after={"sample_rate": share, "filter": filter})
    return answer({"config": _online(scorer)})
