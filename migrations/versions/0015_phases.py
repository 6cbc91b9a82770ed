"""When a job's preparation and its finalizing began.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("preparing_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("finalizing_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "finalizing_at")
    op.drop_column("jobs", "preparing_at")
