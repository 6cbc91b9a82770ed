"""Opens pages in a browser, for `--web`."""

import argparse
import webbrowser

from app.cli.connecting import say


def add_web(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--web", "-e", action="store_true", help="open its page in a browser")


def open_page(address: str) -> None:
    """Where no browser can be started, as over SSH, the address is still said."""
    say(address)
    webbrowser.open(address)
