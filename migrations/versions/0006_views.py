"""Saved views of the run table, and which runs are one configuration.

A migration must let the release before it keep running: add first, remove a release later.
"""

import hashlib
import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
AT_ONCE = 1000
# What app.tracking.seeds recognised when this was written.
SEED = re.compile(
    r"(?:.*(?:[./:]|__))?(?:(?:(?:random|rng|global|manual)[_\- ]*)?seed|random[_\- ]*state)", re.IGNORECASE
)


def upgrade() -> None:
    op.create_table(
        "views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_views_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
        sa.UniqueConstraint("workspace_id", "created_by", "name", name=op.f("uq_views_workspace_id_created_by_name")),
    )
    op.create_table(
        "default_views",
        sa.Column("experiment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_default_views_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["view_id"], ["views.id"], name=op.f("fk_default_views_view_id_views"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_default_views")),
    )
    with op.batch_alter_table("default_views", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_default_views_view_id"), ["view_id"], unique=False)

    op.create_table(
        "configurations",
        sa.Column("job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_configurations_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_configurations")),
    )
    _digest_known_params()


def _digest_known_params() -> None:
    """A thousand runs at a time, as there may be more parameters than fit into memory."""
    connection = op.get_bind()
    jobs = sa.table("jobs", sa.column("id", sa.Integer))
    params = sa.table("params", sa.column("job_id", sa.Integer), sa.column("key"), sa.column("value"))
    configurations = sa.table("configurations", sa.column("job_id", sa.Integer), sa.column("digest", sa.BigInteger))
    last = 0
    while ids := list(connection.scalars(sa.select(jobs.c.id).where(jobs.c.id > last).order_by("id").limit(AT_ONCE))):
        digests: dict[int, int] = {}
        logged = sa.select(params.c.job_id, params.c.key, params.c.value)
        for job_id, key, value in connection.execute(logged.where(params.c.job_id.between(ids[0], ids[-1]))):
            digests[job_id] = digests.get(job_id, 0) ^ (0 if SEED.fullmatch(key) else _mark(f"{key}={value}"))
        if digests:
            rows = [{"job_id": job_id, "digest": digest} for job_id, digest in digests.items()]
            connection.execute(sa.insert(configurations), rows)
        last = ids[-1]


def _mark(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)


def downgrade() -> None:
    op.drop_table("configurations")
    with op.batch_alter_table("default_views", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_default_views_view_id"))

    op.drop_table("default_views")
    op.drop_table("views")
