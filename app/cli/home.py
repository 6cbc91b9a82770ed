"""The server's home folder: its config file, its lock, and who runs there. Standard library only."""

import fcntl
import hashlib
import json
import os
import secrets
import socket
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

DEFAULT = Path("~/.atelier")
HTTPS_ABOVE = 8443 - 8080
"""How far the port of HTTPS is above that of HTTP, so that two servers that start at once do not want the same."""

SCORING_ABOVE = 1
"""How far the gateway's port is above that of HTTP."""

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"


class HomeInUse(Exception):
    """Another `atelier up` runs in this home."""


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.config_file = self.folder / "atelier.toml"
        self.logs = self.folder / "logs"
        self.database_file = self.folder / "atelier.db"
        self._lock_file = self.folder / "atelier.lock"
        self._prepared_file = self.folder / "prepared"
        self._lock = None

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)

    def config(self) -> dict:
        if not self.config_file.is_file():
            return {}
        return tomllib.loads(self.config_file.read_text())

    def write_config(self, values: dict) -> None:
        """Replace the config file. It holds secrets, so only its owner may read it."""
        lines = ["# Written by `atelier up`; change it and start again.\n"]
        lines += [f"{name} = {json.dumps(value)}\n" for name, value in sorted(values.items())]
        temporary = self.config_file.with_suffix(".new")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.writelines(lines)
        temporary.replace(self.config_file)

    def is_prepared(self, config: dict) -> bool:
        """Whether this registry had all of today's migrations at the last start."""
        if not config.get("database_url") and not self.database_file.is_file():
            return False
        return self._prepared_file.is_file() and self._prepared_file.read_text() == _preparation(config)

    def note_prepared(self, config: dict) -> None:
        self._prepared_file.touch(mode=0o600)
        self._prepared_file.write_text(_preparation(config))

    def checkpoint(self, config: dict) -> None:
        """Have SQLite's file hold all of the registry, so that a copy of it alone is whole."""
        url = os.environ.get("ATELIER_DATABASE_URL") or config.get("database_url") or f"sqlite:///{self.database_file}"
        file = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///") and file.is_file():
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def lock(self) -> None:
        """Claim the home for this process, until it ends however it ends."""
        self._lock = self._lock_file.open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HomeInUse(str(self.folder)) from error
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def running_pid(self) -> int | None:
        """The process that holds the home, or None."""
        if not self._lock_file.is_file():
            return None
        with self._lock_file.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or 0) or None
        return None


def _preparation(config: dict) -> str:
    """Which registry, by a digest as its address may hold a password, and which migrations."""
    registry = hashlib.sha256(config.get("database_url", "").encode()).hexdigest()
    migrations = sorted(path.name for path in MIGRATIONS.glob("*.py"))
    return "\n".join([registry, *migrations])


def config_for(home: Home, host: str, port: int, overrides: dict[str, str | None]) -> dict:
    """The config of a start: what was said now, else what was said before, else the embedded defaults."""
    values = home.config()
    values |= {name: value for name, value in overrides.items() if value is not None}
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    values |= {"home": str(home.folder), "host": host, "port": port}
    if overrides.get("https_port") is None:
        values["https_port"] = _port_above(HTTPS_ABOVE, host, port, values.get("https_port"))
    if overrides.get("scoring_port") is None:
        values["scoring_port"] = _port_above(SCORING_ABOVE, host, port, values.get("scoring_port"))
    values["url"] = overrides.get("url") or f"http://{shown}:{port}"
    if overrides.get("scoring_url") is None:
        # Behind an address of somebody else's making, only that one is known to be open.
        own = values["scoring_port"] and not overrides.get("url")
        values["scoring_url"] = f"http://{shown}:{values['scoring_port']}" if own else ""
    values.setdefault("secret_key", secrets.token_urlsafe(32))
    if overrides.get("redis_url"):
        values["bundled_redis"] = False
    elif values.get("bundled_redis", True):
        password = values.setdefault("redis_password", secrets.token_urlsafe(24))
        values["bundled_redis"] = True
        values["redis_url"] = f"redis://:{password}@127.0.0.1:{free_port()}/0"
    return values


def _port_above(above: int, host: str, port: int, before: int | None) -> int:
    """The port of the last start, else the one so far above `port`, else a free one; none stays none."""
    if before == 0:
        return 0
    wanted = (before or 0, port + above)
    return next((found for found in wanted if 0 < found < 65536 and port_is_free(host, found)), None) or free_port()


def port_is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
