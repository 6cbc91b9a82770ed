"""How a command reaches the server that runs on this machine, when nobody said another address."""

from pathlib import Path

from app.cli import accounts
from app.cli.home import Home
from app.errors import Unavailable


def connection(folder: Path) -> tuple[str, str]:
    """Address and a new token of a day for the administrator of a local home.

    Raises Unavailable when no server runs there. Whoever can read the home could read the registry too.
    """
    home = Home(folder)
    if home.running_pid() is None:
        raise Unavailable(f"No server runs in {home.folder}. Start one with: atelier up --home {home.folder}")
    return home.config()["url"], accounts.create_token(home, "admin", "command line", days=1)
