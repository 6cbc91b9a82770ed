"""`atelier env`: the variables by which unmodified Azure ML and MLflow code reaches a server of this machine."""

import argparse
import os
import shlex
from pathlib import Path

from app.cli.connecting import DEFAULT_HOME
from app.cli.home import Home
from app.dialects.arm.variables import variables
from app.errors import Unavailable

DAYS = 7


def register(commands: argparse._SubParsersAction) -> None:
    text = "print the variables by which Azure ML's and MLflow's clients reach the server"
    env = commands.add_parser(
        "env",
        help=text,
        description=f'{text[0].upper()}{text[1:]}. For a shell: eval "$(atelier env)". They act on every Azure client '
        "that is started from that shell, and nothing is written anywhere.",
    )
    env.add_argument("--home", type=Path, default=Path(os.environ.get("ATELIER_HOME", DEFAULT_HOME)))
    env.add_argument("--workspace", "-w", default=os.environ.get("ATELIER_WORKSPACE", "default"))
    env.add_argument("--user", default="admin", help="whose token it is (default: %(default)s)")
    env.set_defaults(run=run_env)


def run_env(options: argparse.Namespace) -> int:
    from app.cli import accounts
    from app.kit.certificates import issued_in
    from app.settings import secure_address

    home = Home(options.home)
    if home.running_pid() is None:
        raise Unavailable(f"No server runs in {home.folder}. Start one with: atelier up --home {home.folder}")
    config = home.config()
    base = secure_address(config["url"], config.get("https_port", 0))
    if not base:
        raise Unavailable(
            "The server does not speak HTTPS, which Azure's clients need: start it with --https-port 8443."
        )
    token = accounts.create_token(home, options.user, "atelier env", DAYS)
    bundle = None if config.get("tls_certificate") else issued_in(home.folder / "tls").bundle
    for name, value in variables(base, options.workspace, token, bundle).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
