"""`atelier component`: register, list, describe and archive components."""

import argparse

from app.cli import nouns, registries
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

COLUMNS = ("name", "version", "display_name", "description", "created_by", "created_at")
FIELDS = (
    "id", "name", "version", "type", "display_name", "description", "tags", "archived", "is_deterministic", "inputs",
    "outputs", "command", "code", "environment", "resources", "created_by", "created_at",
)  # fmt: skip


def register(commands: argparse._SubParsersAction) -> None:
    component = nouns.Noun(commands, "component", "components: versioned commands that jobs run")
    create = component.verb("create", "register a component file as a new version", run_create)
    nouns.add_file(create)
    nouns.add_name(create, "name of the component, instead of the file's", required=False)
    create.add_argument("--version", help="version, instead of the file's (default: the next number)")
    nouns.add_changes(create)
    listing = component.verb("list", "list components, or the versions of one", run_list)
    nouns.add_name(listing, "list the versions of this component", required=False)
    nouns.add_limit(listing)
    registries.add_registry(listing)
    listing.add_argument("--archived-only", action="store_true", help="only archived components")
    for name, text, run in (
        ("show", "describe a version, by default the newest", run_show),
        ("archive", "take a component, or one version, out of the lists", run_archive),
        ("restore", "bring back what was archived", run_restore),
    ):
        verb = component.verb(name, text, run)
        nouns.add_name(verb, "name of the component")
        verb.add_argument("--version", help="one version")
        if name == "show":
            registries.add_registry(verb)
    registries.add_share(component, "components", "component")


def run_create(options: argparse.Namespace) -> None:
    given = {"name": options.name, "version": options.version}
    changes = [*options.set, *(f"{name}={value}" for name, value in given.items() if value)]
    with connect(options) as client:
        made = client.components.create(options.file, changes)
    for warning in made["warnings"]:
        say(f"Warning: {warning}")
    _print(made, options.output)


def run_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        if options.registry_name and options.name:
            rows = client.registries.versions(options.registry_name, "components", options.name, options.max_results)
        elif options.registry_name:
            rows = client.registries.assets(options.registry_name, "components", options.max_results)
        elif options.name:
            rows = client.components.versions(options.name, options.max_results)
        else:
            rows = client.components.list(options.max_results, archived=options.archived_only)
        empty = "There is no component yet. Make one with: atelier component create -f component.yml"
        print_list(rows, COLUMNS, options.output, empty)


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        if options.registry_name:
            found = client.registries.asset(options.registry_name, "components", options.name, options.version)
        else:
            found = client.components.get(options.name, options.version)
        _print(found, options.output)


def run_archive(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print(client.components.archive(options.name, options.version), options.output)


def run_restore(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print(client.components.restore(options.name, options.version), options.output)


def _print(component: dict, output: str) -> None:
    print_one(component, FIELDS, output)
