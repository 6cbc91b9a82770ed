"""Batch endpoints.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table('batch_endpoints',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('workspace_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('description', sa.String(), nullable=False),
    sa.Column('tags', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql'), nullable=False),
    sa.Column('properties', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql'), nullable=False),
    sa.Column('default_deployment', sa.String(), nullable=True),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_batch_endpoints_workspace_id_workspaces'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch_endpoints')),
    sa.UniqueConstraint('workspace_id', 'name', name=op.f('uq_batch_endpoints_workspace_id_name'))
    )
    op.create_table('batch_deployments',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('endpoint_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('spec', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql'), nullable=False),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['endpoint_id'], ['batch_endpoints.id'], name=op.f('fk_batch_deployments_endpoint_id_batch_endpoints'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch_deployments')),
    sa.UniqueConstraint('endpoint_id', 'name', name=op.f('uq_batch_deployments_endpoint_id_name'))
    )
    op.create_table('batch_invocations',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('endpoint_id', sa.Integer(), nullable=False),
    sa.Column('deployment', sa.String(), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['endpoint_id'], ['batch_endpoints.id'], name=op.f('fk_batch_invocations_endpoint_id_batch_endpoints'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_batch_invocations_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch_invocations'))
    )
    with op.batch_alter_table('batch_invocations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_batch_invocations_endpoint_id'), ['endpoint_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_batch_invocations_job_id'), ['job_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('batch_invocations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_batch_invocations_job_id'))
        batch_op.drop_index(batch_op.f('ix_batch_invocations_endpoint_id'))

    op.drop_table('batch_invocations')
    op.drop_table('batch_deployments')
    op.drop_table('batch_endpoints')
