"""An index of the runs of an experiment in the order in which they are shown.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    newest = sa.text("coalesce(started_at, created_at) DESC")
    op.create_index("ix_jobs_newest", "jobs", ["experiment_id", "lifecycle_stage", newest, "name"])


def downgrade() -> None:
    op.drop_index("ix_jobs_newest", table_name="jobs")
