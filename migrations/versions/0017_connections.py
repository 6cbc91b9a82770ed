"""Connections, datastores and registries, and who may do what with them.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
ROLES = sa.table(
    "roles", sa.column("name", sa.String()), sa.column("description", sa.String()), sa.column("actions", JSON)
)
ASSIGNMENTS = sa.table("role_assignments", sa.column("role_id", sa.Integer()))
RIGHTS = ["connections/*", "datastores/*"]
REGISTRY_USER = {
    "name": "Registry User",
    "description": "May see everything but secrets, and share assets to registries.",
    "actions": ["*/read", "registries/*"],
}


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("is_registry", sa.Boolean(), nullable=False, server_default=sa.false()))
    for table in ("connections", "datastores"):
        _create_definitions(table)
    op.create_table(
        "registries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_registries_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registries")),
        sa.UniqueConstraint("name", name=op.f("uq_registries_name")),
        sa.UniqueConstraint("workspace_id", name=op.f("uq_registries_workspace_id")),
    )
    _change_actions(lambda actions: [*actions, *RIGHTS])
    op.bulk_insert(ROLES, [REGISTRY_USER])


def _create_definitions(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("credentials", JSON, nullable=False),
        sa.Column("secret", sa.String(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f(f"fk_{table}_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f(f"uq_{table}_workspace_id_name")),
    )


def downgrade() -> None:
    named = sa.table("roles", sa.column("id", sa.Integer()), sa.column("name", sa.String()))
    of_role = sa.select(named.c.id).where(named.c.name == REGISTRY_USER["name"])
    connection = op.get_bind()
    connection.execute(ASSIGNMENTS.delete().where(ASSIGNMENTS.c.role_id.in_(of_role)))
    connection.execute(ROLES.delete().where(ROLES.c.name == REGISTRY_USER["name"]))
    _change_actions(lambda actions: [action for action in actions if action not in RIGHTS])
    for table in ("registries", "datastores", "connections"):
        op.drop_table(table)
    op.drop_column("workspaces", "is_registry")


def _change_actions(changed) -> None:
    connection = op.get_bind()
    named = ROLES.c.name == "Contributor"
    for actions in connection.scalars(sa.select(ROLES.c.actions).where(named)).all():
        connection.execute(ROLES.update().where(named).values(actions=changed(actions)))
