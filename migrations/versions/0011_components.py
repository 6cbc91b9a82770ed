"""Components, and the right of contributors to change them.

A migration must let the release before it keep running: add first, remove a release later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
ROLES = sa.table("roles", sa.column("name", sa.String()), sa.column("actions", JSON))
RIGHT = "components/*"


def upgrade() -> None:
    op.create_table(
        "components",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_components_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_components")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_components_workspace_id_name")),
    )
    op.create_table(
        "component_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("source_yaml", sa.String(), nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"],
            ["components.id"],
            name=op.f("fk_component_versions_component_id_components"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_versions")),
        sa.UniqueConstraint("component_id", "version", name=op.f("uq_component_versions_component_id_version")),
    )
    _change_actions(lambda actions: [*actions, RIGHT])


def downgrade() -> None:
    _change_actions(lambda actions: [action for action in actions if action != RIGHT])
    op.drop_table("component_versions")
    op.drop_table("components")


def _change_actions(changed) -> None:
    connection = op.get_bind()
    named = ROLES.c.name == "Contributor"
    for actions in connection.scalars(sa.select(ROLES.c.actions).where(named)).all():
        connection.execute(ROLES.update().where(named).values(actions=changed(actions)))
