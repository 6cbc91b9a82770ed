"""Asks before something is deleted."""

import argparse
import sys


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def is_sure(options: argparse.Namespace, what: str) -> bool:
    """Only a person at a terminal is asked."""
    if options.yes or not sys.stdin.isatty():
        return True
    return input(f"Delete {what}? [y/N] ").strip().lower() in ("y", "yes")
