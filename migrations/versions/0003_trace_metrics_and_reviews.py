"""What trace metrics are computed from, label schemas and review queues.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "label_schemas",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("instruction", sa.String(), nullable=True),
        sa.Column("enable_comment", sa.Boolean(), nullable=False),
        sa.Column("input_type", sa.String(), nullable=False),
        sa.Column(
            "input",
            sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_label_schemas_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_schemas")),
        sa.UniqueConstraint("experiment_id", "name", name=op.f("uq_label_schemas_experiment_id_name")),
    )
    op.create_table(
        "review_queues",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_review_queues_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_queues")),
        sa.UniqueConstraint("experiment_id", "name_key", name=op.f("uq_review_queues_experiment_id_name_key")),
    )
    op.create_table(
        "review_items",
        sa.Column("queue_id", sa.String(), nullable=False),
        sa.Column("trace_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("completed_by", sa.String(), nullable=True),
        sa.Column("completed_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["review_queues.id"], name=op.f("fk_review_items_queue_id_review_queues"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name=op.f("fk_review_items_trace_id_traces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("queue_id", "trace_id", name=op.f("pk_review_items")),
    )
    with op.batch_alter_table("review_items", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_review_items_queue_id_status_created_ms"), ["queue_id", "status", "created_ms"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_review_items_trace_id"), ["trace_id"], unique=False)

    op.create_table(
        "review_queue_schemas",
        sa.Column("queue_id", sa.String(), nullable=False),
        sa.Column("schema_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["queue_id"],
            ["review_queues.id"],
            name=op.f("fk_review_queue_schemas_queue_id_review_queues"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["schema_id"],
            ["label_schemas.id"],
            name=op.f("fk_review_queue_schemas_schema_id_label_schemas"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("queue_id", "schema_id", name=op.f("pk_review_queue_schemas")),
    )
    with op.batch_alter_table("review_queue_schemas", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_queue_schemas_schema_id"), ["schema_id"], unique=False)

    op.create_table(
        "review_queue_users",
        sa.Column("queue_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["queue_id"],
            ["review_queues.id"],
            name=op.f("fk_review_queue_users_queue_id_review_queues"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("queue_id", "name", name=op.f("pk_review_queue_users")),
    )
    with op.batch_alter_table("review_queue_users", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_queue_users_name"), ["name"], unique=False)

    with op.batch_alter_table("trace_spans", schema=None) as batch_op:
        batch_op.add_column(sa.Column("model", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("provider", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("input_cost", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("output_cost", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("total_cost", sa.Double(), nullable=True))

    with op.batch_alter_table("traces", schema=None) as batch_op:
        batch_op.add_column(sa.Column("input_tokens", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("output_tokens", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("cache_read_tokens", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("cache_creation_tokens", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_traces_workspace_id_started_ms"), ["workspace_id", "started_ms"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("traces", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_traces_workspace_id_started_ms"))
        batch_op.drop_column("cache_creation_tokens")
        batch_op.drop_column("cache_read_tokens")
        batch_op.drop_column("output_tokens")
        batch_op.drop_column("input_tokens")

    with op.batch_alter_table("trace_spans", schema=None) as batch_op:
        batch_op.drop_column("total_cost")
        batch_op.drop_column("output_cost")
        batch_op.drop_column("input_cost")
        batch_op.drop_column("provider")
        batch_op.drop_column("model")

    with op.batch_alter_table("review_queue_users", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_queue_users_name"))

    op.drop_table("review_queue_users")
    with op.batch_alter_table("review_queue_schemas", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_queue_schemas_schema_id"))

    op.drop_table("review_queue_schemas")
    with op.batch_alter_table("review_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_items_trace_id"))
        batch_op.drop_index(batch_op.f("ix_review_items_queue_id_status_created_ms"))

    op.drop_table("review_items")
    op.drop_table("review_queues")
    op.drop_table("label_schemas")
