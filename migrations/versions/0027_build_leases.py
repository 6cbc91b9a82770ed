"""Leases of builds of environments.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    with op.batch_alter_table('environment_builds', schema=None) as batch_op:
        batch_op.add_column(sa.Column('lease_expires_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('environment_builds', schema=None) as batch_op:
        batch_op.drop_column('lease_expires_at')
