"""What an instance of a deployment serves.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("deployment_instances", schema=None) as batch_op:
        batch_op.add_column(sa.Column("definition", JSON, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deployment_instances", schema=None) as batch_op:
        batch_op.drop_column("definition")
