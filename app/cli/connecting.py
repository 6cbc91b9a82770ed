"""How user commands reach a server: flags, environment, else the server that runs on this machine."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.sdk.client import Client

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_HOME = "~/.atelier"
FORMATS = ("table", "json", "yaml")


def add_options(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("server")
    server.add_argument("--url", help="address of the server (ATELIER_URL; default: the one that runs on this machine)")
    server.add_argument("--token", help="bearer token (ATELIER_TOKEN)")
    server.add_argument("--workspace", "-w", help="workspace (ATELIER_WORKSPACE; default: default)")
    server.add_argument(
        "--home", type=Path, help="folder of a server on this machine (ATELIER_HOME; default: ~/.atelier)"
    )
    parser.add_argument("--output", "-o", choices=FORMATS, default="table", help="how to print (default: %(default)s)")


def connect(options: argparse.Namespace) -> "Client":
    """Raises AtelierError when no address is given and no server runs on this machine."""
    from app.sdk.client import Client

    url = options.url or os.environ.get("ATELIER_URL")
    token = options.token or os.environ.get("ATELIER_TOKEN")
    if not token and not url:
        from app.cli.local import connection

        home = options.home or Path(os.environ.get("ATELIER_HOME", DEFAULT_HOME))
        url, token = connection(home.expanduser())
    workspace = options.workspace or os.environ.get("ATELIER_WORKSPACE") or "default"
    return Client(url or DEFAULT_URL, token or "", workspace, say=say)


def say(text: str) -> None:
    """What is not the answer itself goes to standard error, so that answers can be piped."""
    print(text, file=sys.stderr, flush=True)
