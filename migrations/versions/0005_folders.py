"""Folders of experiments, runs that were moved between them, and actions on many runs at once.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
FILED = ("jobs", "logged_models", "traces")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "experiment_folders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["experiment_folders.id"],
            name=op.f("fk_experiment_folders_parent_id_experiment_folders"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_experiment_folders_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment_folders")),
        sa.UniqueConstraint("workspace_id", "path", name=op.f("uq_experiment_folders_workspace_id_path")),
    )
    op.create_index(op.f("ix_experiment_folders_parent_id"), "experiment_folders", ["parent_id"])
    # As text, because a batch would make the table anew, and dropping the old one deletes what refers to it.
    op.execute(
        "ALTER TABLE experiments ADD COLUMN folder_id INTEGER "
        "CONSTRAINT fk_experiments_folder_id_experiment_folders REFERENCES experiment_folders (id)"
    )
    op.create_index(op.f("ix_experiments_folder_id"), "experiments", ["folder_id"])
    for table in FILED:
        op.add_column(table, sa.Column("files_experiment_id", sa.Integer(), nullable=True))
        op.add_column(table, sa.Column("files_location", sa.String(), nullable=True))
    op.create_index(
        op.f("ix_jobs_experiment_id_lifecycle_stage_created_at"),
        "jobs",
        ["experiment_id", "lifecycle_stage", "created_at"],
    )
    op.drop_index(op.f("ix_jobs_experiment_id"), "jobs")
    op.create_table(
        "discarded_files",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kept", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_discarded_files")),
    )
    op.create_table(
        "bulk_operations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("arguments", JSON, nullable=False),
        sa.Column("query", sa.String(), nullable=True),
        sa.Column("experiment_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("refusals", JSON, nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_bulk_operations_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_operations")),
    )
    op.create_index(op.f("ix_bulk_operations_workspace_id_status"), "bulk_operations", ["workspace_id", "status"])


def downgrade() -> None:
    op.drop_table("bulk_operations")
    op.drop_table("discarded_files")
    op.create_index(op.f("ix_jobs_experiment_id"), "jobs", ["experiment_id"])
    op.drop_index(op.f("ix_jobs_experiment_id_lifecycle_stage_created_at"), "jobs")
    for table in FILED:
        op.drop_column(table, "files_location")
        op.drop_column(table, "files_experiment_id")
    op.drop_index(op.f("ix_experiments_folder_id"), "experiments")
    op.drop_column("experiments", "folder_id")
    op.drop_table("experiment_folders")
