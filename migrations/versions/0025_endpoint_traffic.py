"""Mirrored and earlier traffic of endpoints, rules that roll it back, limits of keys, scaling of deployments.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    kind = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
    op.add_column("online_endpoints", sa.Column("mirror_traffic", kind, nullable=False, server_default="{}"))
    op.add_column("online_endpoints", sa.Column("traffic_before", kind, nullable=False, server_default="{}"))
    op.add_column("online_endpoints", sa.Column("rollback_rule", kind, nullable=True))
    op.add_column("online_endpoints", sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column("online_deployments", sa.Column("scale_settings", kind, nullable=True))
    op.add_column("online_deployments", sa.Column("data_collector", kind, nullable=True))


def downgrade() -> None:
    op.drop_column("online_deployments", "data_collector")
    op.drop_column("online_deployments", "scale_settings")
    op.drop_column("online_endpoints", "requests_per_minute")
    op.drop_column("online_endpoints", "rollback_rule")
    op.drop_column("online_endpoints", "traffic_before")
    op.drop_column("online_endpoints", "mirror_traffic")
