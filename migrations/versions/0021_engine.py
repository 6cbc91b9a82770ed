"""The container engine of a worker.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("workers", sa.Column("engine", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "engine")
