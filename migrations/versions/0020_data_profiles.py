"""What workers found in the columns of data.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table('data_profiles',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.Column('path', sa.String(), nullable=False),
    sa.Column('state', sa.String(16), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('claimed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('result', _JSON, nullable=True),
    sa.Column('error', sa.String(), nullable=True),
    sa.Column('asked_by', sa.String(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['version_id'], ['data_versions.id'], name=op.f('fk_data_profiles_version_id_data_versions'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_data_profiles')),
    sa.UniqueConstraint('version_id', 'path', name=op.f('uq_data_profiles_version_id_path'))
    )
    with op.batch_alter_table('data_profiles', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_data_profiles_state'), ['state'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('data_profiles', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_data_profiles_state'))

    op.drop_table('data_profiles')
