"""What came of compiling a deployment's model.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    kind = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
    op.add_column("online_deployments", sa.Column("compilation", kind, nullable=True))


def downgrade() -> None:
    op.drop_column("online_deployments", "compilation")
