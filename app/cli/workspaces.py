"""`atelier workspace`: list, describe, make and change workspaces."""

import argparse

from app.cli import nouns
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

FIELDS = ("name", "display_name", "description")
NAMED = "name of the workspace (default: the one of --workspace)"


def register(commands: argparse._SubParsersAction) -> None:
    workspace = nouns.Noun(commands, "workspace", "workspaces: each with its own people and assets")
    create = workspace.verb("create", "make a workspace", run_create)
    nouns.add_file(create, required=False)
    nouns.add_name(create, "name of the workspace", required=False)
    _add_said(create)
    for flag in ("--location", "--tags"):
        create.add_argument(flag, nargs="+", help="taken for scripts of Azure's; it means nothing here")
    nouns.add_limit(workspace.verb("list", "list the workspaces in which you may do anything", run_list))
    nouns.add_name(workspace.verb("show", "describe a workspace", run_show), NAMED, required=False)
    update = workspace.verb("update", "change what is said about a workspace", run_update)
    nouns.add_file(update, required=False)
    nouns.add_name(update, NAMED, required=False)
    _add_said(update)


def _add_said(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--display-name", "-d", help="name on display")
    parser.add_argument("--description", help="what it is for")
    nouns.add_changes(parser)


def _definition(options: argparse.Namespace, client) -> dict:
    """What a workspace here has of a file; the rest of Azure's fields is named, and left."""
    given, _ = nouns.definition(options, "name", "display_name", "description")
    if left := [field for field in given if field not in (*FIELDS, "$schema")]:
        say(f"Warning: a workspace of this server has no {', '.join(left)}; left out.")
    return {"name": client.workspace} | {field: given[field] for field in FIELDS if field in given}


def run_create(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.workspaces.create(**_definition(options, client)), FIELDS, options.output)


def run_update(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.workspaces.change(**_definition(options, client)), FIELDS, options.output)


def run_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.workspaces.list()[: options.max_results], FIELDS, options.output, "You have no workspace.")


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.workspaces.get(options.name or client.workspace), FIELDS, options.output)
