"""Reads of the audit record."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.activity.tables import AuditRecord
from app.kit.paging import Page, paginate


def records(
    session: Session,
    workspace_id: int,
    *,
    actor: str = "",
    action: str = "",
    target: str = "",
    number: int = 1,
    size: int = 50,
) -> Page:
    """Records of a workspace and of what reaches beyond one, newest first."""
    found = select(AuditRecord).where(or_(AuditRecord.workspace_id == workspace_id, AuditRecord.workspace_id.is_(None)))
    if actor:
        found = found.where(AuditRecord.actor == actor)
    if action:
        found = found.where(AuditRecord.action.startswith(action, autoescape=True))
    if target:
        found = found.where(AuditRecord.target_name.contains(target, autoescape=True))
    return paginate(session, found.order_by(AuditRecord.id.desc()), number, size)
