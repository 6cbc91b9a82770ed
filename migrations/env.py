"""Runs migrations on the connection that `app.migrating` hands over."""

from alembic import context
from sqlalchemy import Enum

from app import domains
from app.database import Base, Json, Utc

domains.modules("tables")


def render_type(kind: str, value, autogen) -> str | bool:
    """Migrations name plain SQLAlchemy types, so that they never change with ours."""
    if kind != "type":
        return False
    if isinstance(value, Utc):
        return "sa.DateTime(timezone=True)"
    if isinstance(value, Enum):
        return f"sa.String({value.length})"
    if value is Json:
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_type,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
