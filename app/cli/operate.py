"""Commands of operators: start and stop a server, join a worker, make users and tokens."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from app.cli.home import DEFAULT, Home, HomeInUse, config_for, port_is_free
from app.cli.processes import (
    Supervisor,
    environ_of,
    gateway_process,
    redis_process,
    web_process,
    worker_arguments,
    worker_process,
)
from app.kit.hiding import hide_from_guests

READY_SECONDS = 60
SAID = (
    "url",
    "https_port",
    "scoring_port",
    "scoring_url",
    "tls_certificate",
    "tls_key",
    "database_url",
    "redis_url",
    "artifacts",
    "slots",
)
"""Options of `up` that go to the config file, where the next start finds them."""


def register(commands: argparse._SubParsersAction) -> None:
    """Add the operators' commands to `atelier`."""
    up = _command(commands, "up", "start the server, its queue and one worker", run_up)
    up.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    up.add_argument("--port", type=int, default=8080, help="port to listen on (default: %(default)s)")
    up.add_argument(
        "--https-port", type=int, help="port to listen on for HTTPS; 0: none (default: 8443, or as far above --port)"
    )
    up.add_argument(
        "--scoring-port", type=int, help="port to take scoring requests on; 0: none (default: the one above --port)"
    )
    up.add_argument("--scoring-url", metavar="URL", help="address under which clients reach that port")
    up.add_argument(
        "--tls-certificate", metavar="FILE", help="certificate and chain (default: one of this server's own)"
    )
    up.add_argument("--tls-key", metavar="FILE", help="key of that certificate")
    up.add_argument("--url", help="address under which clients reach the server, when it is another one")
    up.add_argument("--database-url", help="SQLAlchemy URL of the registry (default: SQLite in the home)")
    up.add_argument("--redis-url", help="Redis of the queue (default: the bundled one)")
    up.add_argument("--artifacts", metavar="URL", help="folder or s3://bucket/prefix (default: a folder in the home)")
    up.add_argument("--slots", type=int, help="jobs that run at a time (default: one a processor)")
    up.add_argument("--no-worker", action="store_true", help="start no worker here")
    _command(commands, "status", "say what runs", run_status)
    _command(commands, "down", "stop the server", run_down)
    worker = commands.add_parser("worker", help="start one more worker")
    worker.add_argument("--server-config", type=Path, required=True, help="the server's atelier.toml")
    worker.add_argument("--slots", type=int, default=0, help="jobs that it runs at a time (default: one a processor)")
    worker.set_defaults(run=run_worker)
    gateway = commands.add_parser("gateway", help="start one more gateway for scoring requests")
    gateway.add_argument("--server-config", type=Path, required=True, help="the server's atelier.toml")
    gateway.add_argument("--host", help="address to listen on (default: the server's)")
    gateway.add_argument("--port", type=int, required=True, help="port to listen on")
    gateway.set_defaults(run=run_gateway)
    _command(commands, "migrate", "bring the registry's tables up to date", run_migrate)
    _register_accounts(commands)


def _register_accounts(commands: argparse._SubParsersAction) -> None:
    token = commands.add_parser("token", help="tokens for clients").add_subparsers(required=True, metavar="VERB")
    create = _command(token, "create", "print a new bearer token", run_token_create)
    create.add_argument("--user", default="admin")
    create.add_argument("--name", required=True, help="what the token is for")
    create.add_argument("--days", type=int, help="life in days (default: until it is revoked)")
    user = commands.add_parser("user", help="people").add_subparsers(required=True, metavar="VERB")
    new = _command(user, "create", "make a user; the password is read from standard input", run_user_create)
    new.add_argument("--name", required=True)
    new.add_argument("--role", default="Reader")
    new.add_argument("--workspace", default="default")
    link = _command(user, "link", "print a link that signs in once", run_user_link)
    link.add_argument("--name", default="admin")


def _command(commands, name: str, text: str, run) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    default = os.environ.get("ATELIER_HOME", str(DEFAULT))
    parser.add_argument("--home", type=Path, default=Path(default), help="the server's folder (default: %(default)s)")
    parser.set_defaults(run=run)
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


def run_up(options: argparse.Namespace) -> int:
    hide_from_guests()
    home = Home(options.home)
    home.make()
    try:
        home.lock()
    except HomeInUse:
        return _fail(f"Atelier runs in {home.folder} already. Stop it with: atelier down --home {home.folder}")
    for name in ("port", "https_port", "scoring_port"):
        port = getattr(options, name)
        if port and not port_is_free(options.host, port):
            flag = "--" + name.replace("_", "-")
            return _fail(f"Port {port} on {options.host} is taken. Choose another with {flag}.")
    said = {name: getattr(options, name) for name in SAID}
    config = config_for(home, options.host, options.port, said)
    home.write_config(config)
    supervisor = Supervisor(_say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: setattr(supervisor, "ending", True))
    try:
        return _run(supervisor, home, config, options)
    finally:
        supervisor.stop()
        home.checkpoint(config)
        _say("Atelier has stopped.")


def _run(supervisor: Supervisor, home: Home, config: dict, options: argparse.Namespace) -> int:
    started = time.monotonic()
    if config["bundled_redis"]:
        _say("Starting the queue …")
        supervisor.start(redis_process(home, config))
    _say("Preparing the registry …")
    # A registry that is known to be up to date need not be waited for: on two cores it saves seconds.
    known = home.is_prepared(config)
    preparing = _start_preparing(home)
    first = None if known else _prepared(home, config, preparing)
    if first is None and not known:
        return 1
    _say("Starting server and worker …")
    supervisor.start(web_process(home, config))
    if not options.no_worker:
        supervisor.start(worker_process(home, home.config_file, config.get("slots")))
    first = first or _prepared(home, config, preparing)
    if first is None:
        return 1
    if not _wait_until_ready(supervisor, config):
        return (
            0
            if supervisor.ending
            else _fail(f"The server did not start. Its last words are in {home.logs / 'web.out'}")
        )
    if config["scoring_port"]:
        # Not before: pages need no gateway, and on two cores its start would delay theirs.
        supervisor.start(gateway_process(home, config))
    _greet(config, first, time.monotonic() - started)
    supervisor.keep()
    return 0


def _start_preparing(home: Home) -> subprocess.Popen:
    """Migrate and make what a first start needs, in a process of its own, so that this one stays small."""
    command = [sys.executable, "-m", "app.cli.prepare"]
    environ = environ_of(home, home.config_file)
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _prepared(home: Home, config: dict, preparing: subprocess.Popen) -> dict | None:
    """What the preparation made; None when it failed, which is said."""
    answer, problem = preparing.communicate()
    if preparing.returncode:
        _fail("The registry could not be prepared:\n" + problem.strip()[-2000:])
        return None
    home.note_prepared(config)
    return json.loads(answer)


def _wait_until_ready(supervisor: Supervisor, config: dict) -> bool:
    host = "127.0.0.1" if config["host"] in ("0.0.0.0", "::") else config["host"]
    address = f"http://{host}:{config['port']}/readyz"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not supervisor.ending:
        if any(process.running.poll() is not None for process in supervisor.processes):
            return False
        try:
            with urllib.request.urlopen(address, timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def _greet(config: dict, first: dict, seconds: float) -> None:
    _say(f"Atelier is ready at {config['url']}")
    _say(f"  Sign in once with  {config['url']}/sign-in/link?token={first['link']}")
    if first.get("password"):
        _say(f"  or as admin with the password  {first['password']}  (shown this once)")
    _say(f"  Started in {seconds:.1f} s. Ctrl-C stops it.")


def run_status(options: argparse.Namespace) -> int:
    home = Home(options.home)
    pid = home.running_pid()
    if pid is None:
        _say(f"Atelier does not run in {home.folder}.")
        return 1
    url = home.config()["url"]
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            state = json.load(answer)
    except urllib.error.HTTPError as error:
        state = json.load(error)
    except OSError as error:
        state = {"server": f"does not answer: {error}"}
    _say(f"Atelier runs at {url} (process {pid}, home {home.folder})")
    for name, value in state.items():
        _say(f"  {name}: {value}")
    return 0 if state.get("status") == "ready" else 1


def run_down(options: argparse.Namespace) -> int:
    home = Home(options.home)
    pid = home.running_pid()
    if pid is None:
        _say(f"Atelier does not run in {home.folder}.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 40
    while home.running_pid() is not None:
        if time.monotonic() > deadline:
            return _fail(f"Process {pid} does not end. End it with: kill -9 {pid}")
        time.sleep(0.1)
    _say("Atelier has stopped.")
    return 0


def run_gateway(options: argparse.Namespace) -> int:
    """Become a gateway of the server whose config file is given."""
    config = options.server_config.expanduser().resolve()
    if not config.is_file():
        return _fail(f"There is no file {config}. The server's atelier.toml lies in its home.")
    os.environ |= {"ATELIER_CONFIG": str(config), "ATELIER_SCORING_PORT": str(options.port)}
    if options.host:
        os.environ["ATELIER_HOST"] = options.host
    os.execv(sys.executable, [sys.executable, "-m", "app.cli.gateway"])


def run_worker(options: argparse.Namespace) -> int:
    """Become a worker of the server whose config file is given."""
    config = options.server_config.expanduser().resolve()
    if not config.is_file():
        return _fail(f"There is no file {config}. The server's atelier.toml lies in its home.")
    os.environ["ATELIER_CONFIG"] = str(config)
    if options.slots:
        os.environ["ATELIER_SLOTS"] = str(options.slots)
    os.execv(sys.executable, [sys.executable, *worker_arguments()])


def run_migrate(options: argparse.Namespace) -> int:
    from app.cli import accounts

    accounts.migrate(Home(options.home))
    return 0


def run_token_create(options: argparse.Namespace) -> int:
    from app.cli import accounts

    print(accounts.create_token(Home(options.home), options.user, options.name, options.days))
    return 0


def run_user_create(options: argparse.Namespace) -> int:
    from app.cli import accounts

    password = sys.stdin.readline().rstrip("\n")
    accounts.create_user(Home(options.home), options.name, password, options.role, options.workspace)
    return 0


def run_user_link(options: argparse.Namespace) -> int:
    from app.cli import accounts

    print(accounts.create_link(Home(options.home), options.name))
    return 0


def _fail(message: str) -> int:
    print(f"atelier: {message}", file=sys.stderr)
    return 1
