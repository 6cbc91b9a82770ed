"""Queues, computes, and what jobs ask of them.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "queues",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("max_slots", sa.Integer(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_queues")),
    )
    op.create_table(
        "computes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("min_instances", sa.Integer(), nullable=False),
        sa.Column("max_instances", sa.Integer(), nullable=True),
        sa.Column("queue", sa.String(), nullable=True),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_computes_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_computes")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_computes_workspace_id_name")),
    )
    op.create_table(
        "job_nodes",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("devices", JSON, nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_nodes_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "rank", name=op.f("pk_job_nodes")),
    )
    op.create_index("ix_job_nodes_worker_id_state", "job_nodes", ["worker_id", "state"], unique=False)

    op.add_column("jobs", sa.Column("queue", sa.String(), server_default="default", nullable=False))
    op.add_column("jobs", sa.Column("priority", sa.Integer(), server_default="2", nullable=False))
    op.add_column("jobs", sa.Column("compute", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("instances", sa.Integer(), server_default="1", nullable=False))
    op.add_column("jobs", sa.Column("gpus", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("memory_bytes", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("devices", JSON, nullable=True))
    op.create_index("ix_jobs_order", "jobs", ["status", "queue", "priority", "queued_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_jobs_order", table_name="jobs")
    for column in ("devices", "memory_bytes", "gpus", "instances", "compute", "priority", "queue"):
        op.drop_column("jobs", column)
    op.drop_table("job_nodes")
    op.drop_table("computes")
    op.drop_table("queues")
