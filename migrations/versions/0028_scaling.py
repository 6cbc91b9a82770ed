"""Changes of the number of instances of deployments.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
kind = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("online_deployments", sa.Column("scaling", kind, nullable=True))


def downgrade() -> None:
    op.drop_column("online_deployments", "scaling")
