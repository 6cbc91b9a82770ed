"""The model versions that a deployment can be made of."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.tables import ModelVersion, RegisteredModel

MOST = 300


def versions(session: Session, workspace_id: int) -> Sequence[ModelVersion]:
    """Those in use, by name, newest first."""
    found = (
        select(ModelVersion)
        .join(RegisteredModel, RegisteredModel.id == ModelVersion.model_id)
        .where(RegisteredModel.workspace_id == workspace_id)
        .where(RegisteredModel.archived.is_(False), ModelVersion.archived.is_(False))
        .order_by(RegisteredModel.updated_at.desc(), RegisteredModel.name, ModelVersion.version.desc())
    )
    return session.scalars(found.limit(MOST)).all()
