"""Evaluation datasets that are deleted while workers delete their records.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("evaluation_datasets", sa.Column("deleted_ms", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("evaluation_datasets", "deleted_ms")
