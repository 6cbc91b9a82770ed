"""Brings the registry's tables to the newest migration."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from app.settings import PROJECT

LOCK = 0x41544C


def config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(PROJECT / "migrations"))
    return found


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate in one transaction; on PostgreSQL servers that start together take turns."""
    with _changing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        found = config()
        found.attributes["connection"] = connection
        command.upgrade(found, revision)


def downgrade(engine: Engine, revision: str) -> None:
    with _changing(engine) as connection:
        found = config()
        found.attributes["connection"] = connection
        command.downgrade(found, revision)


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """A transaction in which SQLite lets a table be made anew though rows of others refer to its own.

    What they refer to is looked at before the transaction ends; raises ValueError where it is not there.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    with engine.connect() as connection:
        # Within a transaction SQLite does not hear it.
        driver = connection.connection.driver_connection
        enforced = driver.execute("PRAGMA foreign_keys").fetchone()[0]
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                lost = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if lost:
                    table, row, referred, _ = lost[0]
                    raise ValueError(f"Row {row} of {table} would refer to no row of {referred}; nothing was changed.")
        finally:
            driver.execute(f"PRAGMA foreign_keys = {enforced}")
