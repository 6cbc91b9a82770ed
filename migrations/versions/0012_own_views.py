"""The right of readers to keep views of the run table for themselves.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
ROLES = sa.table("roles", sa.column("name", sa.String()), sa.column("actions", JSON))
RIGHT = "tracking/ownViews/*"


def upgrade() -> None:
    _change_actions(lambda actions: [*actions, RIGHT])


def downgrade() -> None:
    _change_actions(lambda actions: [action for action in actions if action != RIGHT])


def _change_actions(changed) -> None:
    connection = op.get_bind()
    named = ROLES.c.name == "Reader"
    for actions in connection.scalars(sa.select(ROLES.c.actions).where(named)).all():
        connection.execute(ROLES.update().where(named).values(actions=changed(actions)))
