"""Names of model versions.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    with op.batch_alter_table('model_versions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('called', sa.String(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_model_versions_model_id_called'), ['model_id', 'called'])


def downgrade() -> None:
    with op.batch_alter_table('model_versions', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_model_versions_model_id_called'), type_='unique')
        batch_op.drop_column('called')
