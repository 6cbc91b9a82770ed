"""Prompts of MLflow: registered models whose versions hold a text, in tags, instead of files."""

from sqlalchemy.orm import Session

from app.kit.clock import now
from app.models import service, telling
from app.models.tables import ModelVersion, RegisteredModel

TYPE = "prompt"


def register(
    session: Session, model: RegisteredModel, *, source: str, description: str, tags: dict[str, str], created_by: str
) -> ModelVersion:
    """A new version of a prompt; its text is the tag `mlflow.prompt.text`."""
    number = service.next_version(session, model)
    made = ModelVersion(
        model_id=model.id,
        version=number,
        type=TYPE,
        path=service.free_place(session, model.workspace_id, model.name, number),
        source=source,
        description=description,
        tags=service.checked_tags(tags),
        created_by=created_by,
    )
    made.model = model
    session.add(made)
    model.updated_at = now()
    session.flush()
    telling.version_created(session, made)
    return made
