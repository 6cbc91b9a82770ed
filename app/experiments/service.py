"""Everything that changes an experiment."""

from sqlalchemy.orm import Session

from app.errors import AlreadyExists, Conflict, Invalid, NotFound
from app.experiments import queries
from app.experiments.events import StageChanged
from app.experiments.tables import Experiment
from app.kit.events import publish
from app.workspaces.events import WorkspaceCreated

NOTE = "mlflow.note.content"
LONGEST_NAME = 500
LONGEST_KEY = 250
LONGEST_VALUE = 20_000


def on_workspace_created(session: Session, event: WorkspaceCreated) -> None:
    session.add(Experiment(workspace_id=event.workspace_id, name="Default", is_default=True))
    session.flush()


def create(
    session: Session,
    workspace_id: int,
    name: str,
    *,
    tags: dict[str, str] | None = None,
    artifact_location: str | None = None,
) -> Experiment:
    """Raises AlreadyExists, which says so where the one of that name is deleted."""
    _check_name(name)
    _refuse_taken(session, workspace_id, name)
    for key, value in (tags or {}).items():
        _check_tag(key, value)
    made = Experiment(workspace_id=workspace_id, name=name, tags=dict(tags or {}), artifact_location=artifact_location)
    session.add(made)
    session.flush()
    return made


def get_or_create(session: Session, workspace_id: int, name: str) -> Experiment:
    """The active experiment of that name; raises Conflict when it is deleted."""
    found = queries.find_by_name(session, workspace_id, name)
    if found is None:
        return create(session, workspace_id, name)
    if found.lifecycle_stage != "active":
        raise Conflict(
            f"experiment_name: the experiment {name!r} is deleted. Restore it, or take another name.",
            target="experiment_name",
        )
    return found


def rename(session: Session, experiment: Experiment, name: str) -> None:
    check_active(experiment)
    _check_name(name, "new_name")
    if name != experiment.name:
        _refuse_taken(session, experiment.workspace_id, name)
    experiment.name = name
    session.flush()


def delete(session: Session, experiment: Experiment) -> None:
    check_active(experiment)
    if experiment.is_default:
        raise Invalid("The default experiment of a workspace cannot be deleted.", target="experiment_id")
    _set_stage(session, experiment, "deleted")


def restore(session: Session, experiment: Experiment) -> None:
    if experiment.lifecycle_stage != "deleted":
        raise NotFound(f"There is no deleted experiment with id={experiment.id}.", target="experiment_id")
    _set_stage(session, experiment, "active")


def _set_stage(session: Session, experiment: Experiment, stage: str) -> None:
    experiment.lifecycle_stage = stage
    session.flush()
    publish(session, StageChanged(experiment.id, stage))


def describe(session: Session, experiment: Experiment, text: str) -> None:
    """Write the description, where MLflow's clients and pages keep it."""
    if text.strip():
        set_tag(session, experiment, NOTE, text)
    elif NOTE in experiment.tags:
        delete_tag(session, experiment, NOTE)


def set_tag(session: Session, experiment: Experiment, key: str, value: str) -> None:
    check_active(experiment)
    _check_tag(key, value)
    experiment.tags = {**experiment.tags, key: value}
    session.flush()


def delete_tag(session: Session, experiment: Experiment, key: str) -> None:
    check_active(experiment)
    if key not in experiment.tags:
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment.id}.", target="key")
    experiment.tags = {name: value for name, value in experiment.tags.items() if name != key}
    session.flush()


def check_active(experiment: Experiment) -> None:
    if experiment.lifecycle_stage != "active":
        raise Invalid(
            f"The experiment {experiment.id} must be in the 'active' state. "
            f"Current state is {experiment.lifecycle_stage}.",
            target="experiment_id",
        )


def _check_name(name: str, field: str = "name") -> None:
    if not name.strip():
        raise Invalid(f"{field}: an experiment needs a name.", target=field)
    if len(name) > LONGEST_NAME:
        raise Invalid(f"{field} exceeds the maximum length of {LONGEST_NAME} characters.", target=field)


def _check_tag(key: str, value: str) -> None:
    if not key or len(key) > LONGEST_KEY:
        raise Invalid(f"key: a tag's name has 1 to {LONGEST_KEY} characters.", target="key")
    if len(value) > LONGEST_VALUE:
        raise Invalid(f"value: a tag of an experiment has at most {LONGEST_VALUE} characters.", target="value")


def _refuse_taken(session: Session, workspace_id: int, name: str) -> None:
    taken = queries.find_by_name(session, workspace_id, name)
    if taken is None:
        return
    if taken.lifecycle_stage == "deleted":
        raise AlreadyExists(
            f"Experiment {name!r} already exists in deleted state. Restore it, or take another name.", target="name"
        )
    raise AlreadyExists(f"Experiment(name={name}) already exists.", target="name")
