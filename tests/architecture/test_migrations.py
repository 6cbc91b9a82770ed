"""Tables equal migrations, which go up and down."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from app import database, migrating
from app.database import Base


def test_the_tables_of_the_code_are_the_tables_of_the_migrations(started):
    with database.Sessions.kw["bind"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_migrations_go_down_and_up_again(started, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    migrating.upgrade(engine)
    migrating.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    migrating.upgrade(engine)
    assert "jobs" in inspect(engine).get_table_names()
