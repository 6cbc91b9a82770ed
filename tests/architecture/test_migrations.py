"""Tables equal migrations, which go up and down."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

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


def test_a_registry_in_use_is_migrated_with_all_that_refers_to_its_rows(tmp_path):
    engine = database.connect(f"sqlite:///{tmp_path / 'used.db'}")
    migrating.upgrade(engine, "0031")
    add(engine, "workspaces", id=1, name="w")
    add(engine, "registered_models", id=2, workspace_id=1, name="m")
    add(engine, "model_versions", id=3, model_id=2)
    add(engine, "online_endpoints", id=4, workspace_id=1, name="e")
    add(engine, "online_deployments", id=5, endpoint_id=4, name="d", model_version_id=3)
    migrating.upgrade(engine)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT model_version_id FROM online_deployments").scalars().all()
        assert kept == [3]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("DELETE FROM model_versions")


def add(engine, table: str, **given) -> None:
    """A row with those values, and with empty ones where the table asks for more."""
    empty = {"VARCHAR": "", "DATETIME": "2026-01-01 00:00:00", "JSON": "{}"}
    for column in inspect(engine).get_columns(table):
        if not column["nullable"] and column["default"] is None:
            given.setdefault(column["name"], empty.get(str(column["type"]).partition("(")[0], 0))
    names = ", ".join(given)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES (:{', :'.join(given)})"), given)
