"""Runs a command fenced in: `fence.py --write FOLDER --read PATH --hide FOLDER -- COMMAND …`. Standard library only."""

import argparse
import os

import landlock
import privileges
from confine import TEMPORARY


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="append", default=[])
    parser.add_argument("--read", action="append", default=[])
    parser.add_argument("--hide", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    landlock.restrict(options.write, TEMPORARY, options.read, options.hide)
    privileges.drop()
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
