"""How user commands reach a server: flags, environment, else the server that runs on this machine."""

import argparse
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.home import Home

if TYPE_CHECKING:
    from app.sdk.client import Client

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_HOME = "~/.atelier"
# Less than the day that the token lives.
KEPT_SECONDS = 20 * 3600
FORMATS = ("table", "json", "yaml", "tsv", "none")
# The forms of Azure's command line that differ from ours in colour alone.
COLOURED = {"jsonc": "json", "yamlc": "yaml"}
# What Azure's command line takes on every verb and what means nothing here.
IGNORED = (("--resource-group", "-g"), ("--subscription",))
IGNORED_SWITCHES = ("--only-show-errors", "--verbose", "--debug", "--no-wait", "--skip-validation")


def add_options(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--output",
        "-o",
        choices=FORMATS,
        type=lambda form: COLOURED.get(form, form),
        default="table",
        help="how to print (default: %(default)s)",
    )
    parser.add_argument("--query", metavar="JMESPATH", help="print this of the answer, such as 'name' or '[].name'")


def add_server(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("server")
    server.add_argument("--url", help="address of the server (ATELIER_URL; default: the one that runs on this machine)")
    server.add_argument("--token", help="bearer token (ATELIER_TOKEN)")
    server.add_argument("--workspace", "--workspace-name", "-w", help="workspace (ATELIER_WORKSPACE; default: default)")
    server.add_argument(
        "--home", type=Path, help="folder of a server on this machine (ATELIER_HOME; default: ~/.atelier)"
    )
    for flags in IGNORED:
        server.add_argument(*flags, help="taken for scripts of Azure's; it means nothing here")
    for flag in IGNORED_SWITCHES:
        server.add_argument(flag, action="store_true", help=argparse.SUPPRESS)


def connect(options: argparse.Namespace) -> "Client":
    """Raises AtelierError when no address is given and no server runs on this machine."""
    from app.cli.progress import Progress
    from app.sdk.client import Client

    url = options.url or os.environ.get("ATELIER_URL")
    token = options.token or os.environ.get("ATELIER_TOKEN")
    if not token and not url:
        url, token = _local(options)
    url = url or _home(options).config().get("url") or DEFAULT_URL
    workspace = options.workspace or os.environ.get("ATELIER_WORKSPACE") or "default"
    return Client(url, token or "", workspace, say=say, progress=Progress())


def _home(options: argparse.Namespace) -> Home:
    return Home(options.home or Path(os.environ.get("ATELIER_HOME", DEFAULT_HOME)))


def _kept(home: Home) -> Path:
    return home.folder / "command-line.json"


def _local(options: argparse.Namespace) -> tuple[str, str]:
    """Address and token of the server of a home. The token is kept there for the next command.

    Making one loads the registry and takes seconds; whoever can read the home could make one too.
    """
    home = _home(options)
    kept = _kept(home)
    with suppress(OSError, ValueError, KeyError):
        found = json.loads(kept.read_text())
        is_fresh = time.time() - found["made_at"] < KEPT_SECONDS
        if is_fresh and home.running_pid() is not None and found["url"] == home.config()["url"]:
            return found["url"], found["token"]
    from app.cli.local import connection

    url, token = connection(home.folder)
    handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"url": url, "token": token, "made_at": time.time()}, file)
    return url, token


def forget(options: argparse.Namespace) -> bool:
    """Drop the kept token, which the server refused; answers whether there was one."""
    if getattr(options, "token", None) or os.environ.get("ATELIER_TOKEN") or not hasattr(options, "home"):
        return False
    kept = _kept(_home(options))
    existed = kept.is_file()
    kept.unlink(missing_ok=True)
    return existed


def say(text: str) -> None:
    """What is not the answer itself goes to standard error, so that answers can be piped."""
    print(text, file=sys.stderr, flush=True)
