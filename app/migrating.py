"""Brings the registry's tables to the newest migration."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from app.settings import PROJECT

LOCK = 0x41544C


def config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(PROJECT / "migrations"))
    return found


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate in one transaction; on PostgreSQL servers that start together take turns."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        found = config()
        found.attributes["connection"] = connection
        command.upgrade(found, revision)


def downgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        found = config()
        found.attributes["connection"] = connection
        command.downgrade(found, revision)
