"""`atelier connection` and `atelier datastore`: define, list, describe and delete them."""

import argparse
from itertools import islice

from app.cli import nouns
from app.cli.assets import MOUNT, MOUNT_FLAGS
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one
from app.sdk.errors import BadFile

COLUMNS = ("name", "type", "description", "created_by", "updated_at")
NOUNS = {
    "connection": "connections: services elsewhere, with their credentials",
    "datastore": "datastores: places whose files jobs read and write",
}


def register(commands: argparse._SubParsersAction) -> None:
    for noun, text in NOUNS.items():
        _register(nouns.Noun(commands, noun, text), noun)


def _register(commands: nouns.Noun, noun: str) -> None:
    for verb, text in (
        ("create", f"define a {noun} from a file, or change it"),
        ("update", f"change a {noun} by its file, or single fields of one that is there by --set"),
    ):
        parser = commands.verb(verb, text, _run(noun, _create))
        nouns.add_file(parser, required=verb == "create")
        nouns.add_name(parser, f"name of the {noun}, instead of the file's", required=False)
        (nouns.add_updates if verb == "update" else nouns.add_changes)(parser)
        nouns.add_left(parser, "--populate-secrets")
    listing = commands.verb("list", f"list {noun}s", _run(noun, _list))
    listing.add_argument("--type", "-t", help="only those of a type")
    nouns.add_left(listing, "--populate-secrets")
    nouns.add_limit(listing)
    show = commands.verb("show", f"describe a {noun}", _run(noun, _show))
    nouns.add_name(show, f"name of the {noun}")
    show.add_argument("--populate-secrets", action="store_true", help="its secrets too, which is audited")
    if noun == "datastore":
        commands.refused("mount", "say how data is read here", MOUNT, *MOUNT_FLAGS)
    delete = commands.verb("delete", f"delete a {noun}", _run(noun, _delete))
    nouns.add_name(delete, f"name of the {noun}")
    delete.add_argument("--yes", "-y", action="store_true", help="taken for scripts of Azure's; nothing is asked")


def _run(noun: str, verb) -> nouns.Run:
    def run(options: argparse.Namespace) -> None:
        with connect(options) as client:
            verb(client.connections if noun == "connection" else client.datastores, noun, options)

    return run


def _create(definitions, noun: str, options: argparse.Namespace) -> None:
    if options.file is None and not options.name:
        raise BadFile(f"Say which {noun}: --name NAME, or --file FILE with all of its fields.")
    changes = [*options.set, *([f"name={options.name}"] if options.name else [])]
    made = definitions.create(options.file, changes) if options.file else definitions.change(options.name, options.set)
    for warning in made.pop("warnings", []):
        say(f"Warning: {warning}")
    print_one(made, list(made), options.output)


def _list(definitions, noun: str, options: argparse.Namespace) -> None:
    empty = f"There is no {noun} yet. Make one with: atelier {noun} create -f {noun}.yml"
    rows = definitions.list(None if options.type else options.max_results)
    rows = islice((row for row in rows if options.type in (None, row["type"])), options.max_results)
    print_list(rows, COLUMNS, options.output, empty)


def _show(definitions, noun: str, options: argparse.Namespace) -> None:
    found = definitions.get(options.name)
    if options.populate_secrets:
        found["credentials"] |= definitions.secrets(options.name)
    print_one(found, list(found), options.output)


def _delete(definitions, noun: str, options: argparse.Namespace) -> None:
    definitions.delete(options.name)
    say(f"Deleted the {noun} {options.name}")
