"""Runs a command fenced in; the options may be given several times. Standard library only.

`fence.py --write FOLDER --read PATH --hide FOLDER --hide-socket PATH -- COMMAND …`
"""

import argparse
import os

import landlock
import privileges
import sockets
from confine import TEMPORARY


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="append", default=[])
    parser.add_argument("--read", action="append", default=[])
    parser.add_argument("--hide", action="append", default=[])
    parser.add_argument("--hide-socket", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    sockets.hide(options.hide_socket)
    landlock.restrict(options.write, TEMPORARY, options.read, options.hide)
    privileges.drop()
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
