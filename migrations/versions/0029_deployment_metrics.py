"""Metrics of deployments.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table('deployment_metrics',
    sa.Column('endpoint_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('seconds', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('deployment', sa.String(), nullable=False),
    sa.Column('tally', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql'), nullable=False),
    sa.ForeignKeyConstraint(['endpoint_id'], ['online_endpoints.id'], name=op.f('fk_deployment_metrics_endpoint_id_online_endpoints'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('endpoint_id', 'seconds', 'at', 'deployment', name=op.f('pk_deployment_metrics'))
    )
    with op.batch_alter_table('deployment_metrics', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_deployment_metrics_seconds_at'), ['seconds', 'at'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('deployment_metrics', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_deployment_metrics_seconds_at'))

    op.drop_table('deployment_metrics')
