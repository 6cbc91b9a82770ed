"""Evaluation datasets with their records, and scorers.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "evaluation_datasets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_evaluation_datasets_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_datasets")),
    )
    with op.batch_alter_table("evaluation_datasets", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_evaluation_datasets_workspace_id_created_ms"), ["workspace_id", "created_ms"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_evaluation_datasets_workspace_id_name"), ["workspace_id", "name"], unique=False
        )

    op.create_table(
        "evaluation_dataset_tags",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["evaluation_datasets.id"],
            name=op.f("fk_evaluation_dataset_tags_dataset_id_evaluation_datasets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dataset_id", "key", name=op.f("pk_evaluation_dataset_tags")),
    )
    op.create_table(
        "evaluation_dataset_uses",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["evaluation_datasets.id"],
            name=op.f("fk_evaluation_dataset_uses_dataset_id_evaluation_datasets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_evaluation_dataset_uses_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dataset_id", "experiment_id", name=op.f("pk_evaluation_dataset_uses")),
    )
    with op.batch_alter_table("evaluation_dataset_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluation_dataset_uses_experiment_id"), ["experiment_id"], unique=False)

    op.create_table(
        "evaluation_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("input_hash", sa.String(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("expectations", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["evaluation_datasets.id"],
            name=op.f("fk_evaluation_records_dataset_id_evaluation_datasets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_records")),
        sa.UniqueConstraint("dataset_id", "input_hash", name=op.f("uq_evaluation_records_dataset_id_input_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_evaluation_records_name")),
    )
    with op.batch_alter_table("evaluation_records", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluation_records_dataset_id_id"), ["dataset_id", "id"], unique=False)

    op.create_table(
        "scorers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("online_id", sa.String(), nullable=True),
        sa.Column("sample_rate", sa.Double(), nullable=True),
        sa.Column("filter", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_scorers_experiment_id_experiments"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scorers")),
        sa.UniqueConstraint("experiment_id", "name", name=op.f("uq_scorers_experiment_id_name")),
    )
    op.create_table(
        "scorer_versions",
        sa.Column("scorer_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scorer_id"], ["scorers.id"], name=op.f("fk_scorer_versions_scorer_id_scorers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scorer_id", "version", name=op.f("pk_scorer_versions")),
    )


def downgrade() -> None:
    op.drop_table("scorer_versions")
    op.drop_table("scorers")
    with op.batch_alter_table("evaluation_records", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evaluation_records_dataset_id_id"))

    op.drop_table("evaluation_records")
    with op.batch_alter_table("evaluation_dataset_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evaluation_dataset_uses_experiment_id"))

    op.drop_table("evaluation_dataset_uses")
    op.drop_table("evaluation_dataset_tags")
    with op.batch_alter_table("evaluation_datasets", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evaluation_datasets_workspace_id_name"))
        batch_op.drop_index(batch_op.f("ix_evaluation_datasets_workspace_id_created_ms"))

    op.drop_table("evaluation_datasets")
