"""Reads of experiments."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.experiments.tables import Experiment

DEFAULT = "0"
"""How MLflow calls the experiment that is used where none is named."""
GONE = "gone"
"""The stage of an experiment that was deleted for good: nobody finds it, and only its id is kept from use."""


def find_by_name(session: Session, workspace_id: int, name: str) -> Experiment | None:
    return session.scalar(
        select(Experiment).where(
            Experiment.workspace_id == workspace_id, Experiment.name == name, Experiment.lifecycle_stage != GONE
        )
    )


def get_by_name(session: Session, workspace_id: int, name: str) -> Experiment:
    found = find_by_name(session, workspace_id, name)
    if found is None:
        raise NotFound(f"There is no experiment {name!r} in this workspace.", target="experiment_name")
    return found


def get(session: Session, workspace_id: int, experiment_id: str) -> Experiment:
    """The experiment of an id as MLflow writes it; "0" is the workspace's default one."""
    if not experiment_id.isdigit() or len(experiment_id) > 18:
        raise Invalid(
            f"Invalid experiment ID {experiment_id!r}. Experiment ID must be a valid integer.", target="experiment_id"
        )
    narrowed = Experiment.is_default if experiment_id == DEFAULT else Experiment.id == int(experiment_id)
    visible = (Experiment.workspace_id == workspace_id, Experiment.lifecycle_stage != GONE)
    found = session.scalar(select(Experiment).where(*visible, narrowed))
    if found is None:
        raise NotFound(f"No Experiment with id={experiment_id} exists in this workspace.", target="experiment_id")
    return found


def ids(session: Session, workspace_id: int, experiment_ids: Sequence[str]) -> list[int]:
    """The rows' ids of those experiments that exist; one that does not is left out, as MLflow does."""
    numbers = [int(text) for text in experiment_ids if text.isdigit() and text != DEFAULT and len(text) < 19]
    found = select(Experiment.id).where(Experiment.workspace_id == workspace_id, Experiment.lifecycle_stage != GONE)
    known = set(session.scalars(found.where(Experiment.id.in_(numbers))))
    if DEFAULT in experiment_ids:
        known |= set(session.scalars(found.where(Experiment.is_default)))
    return sorted(known)


def page(
    session: Session, workspace_id: int, conditions: list, orders: list, offset: int, count: int
) -> Sequence[Experiment]:
    found = select(Experiment).where(Experiment.workspace_id == workspace_id, *conditions)
    return session.scalars(found.order_by(*orders, Experiment.id.desc()).offset(offset).limit(count)).all()
