"""Writes the migration from the newest one to what the tables of the code are now."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from app import migrating


def revise(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder, 'new.db')}")
        migrating.upgrade(engine)
        with engine.begin() as connection:
            config = migrating.config()
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True)


if __name__ == "__main__":
    revise(sys.argv[1])
