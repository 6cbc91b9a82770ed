"""Sessions. `transaction()` is the only code that commits: once per request, once per task step."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import JSON, DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

Sessions = sessionmaker(expire_on_commit=False)
_Readers = sessionmaker(autoflush=False)

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Utc(TypeDecorator):
    """A time in UTC. SQLite drops the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Utc, dict: Json, list: Json}


def connect(url: str) -> Engine:
    """An engine for `url`, with what SQLite needs to serve many threads and processes."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=40, max_overflow=20, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 30}, pool_size=40, max_overflow=20)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection, _record) -> None:
    # The driver's own BEGIN comes too late for a lock to be taken at the start.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another wrote between.
    reads = connection.get_execution_options().get("atelier_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def bind(engine: Engine) -> None:
    Sessions.configure(bind=engine)
    _Readers.configure(bind=engine.execution_options(atelier_reads=True))


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits on success, rolls back on any exception."""
    with Sessions.begin() as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads, so that on SQLite it waits for no writer."""
    with _Readers() as session:
        yield session
