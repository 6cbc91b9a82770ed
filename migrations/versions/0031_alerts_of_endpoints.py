"""Alerts of endpoints.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table('endpoint_firings',
    sa.Column('rule_id', sa.Integer(), nullable=False),
    sa.Column('endpoint_id', sa.Integer(), nullable=False),
    sa.Column('deployment', sa.String(), nullable=False),
    sa.Column('holds', sa.Boolean(), nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['endpoint_id'], ['online_endpoints.id'], name=op.f('fk_endpoint_firings_endpoint_id_online_endpoints'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['rule_id'], ['alert_rules.id'], name=op.f('fk_endpoint_firings_rule_id_alert_rules'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('rule_id', 'endpoint_id', 'deployment', name=op.f('pk_endpoint_firings'))
    )
    with op.batch_alter_table('endpoint_firings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_endpoint_firings_endpoint_id'), ['endpoint_id'], unique=False)

    op.add_column('alert_rules', sa.Column('endpoint_name', sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column('alert_rules', 'endpoint_name')
    with op.batch_alter_table('endpoint_firings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_endpoint_firings_endpoint_id'))

    op.drop_table('endpoint_firings')
