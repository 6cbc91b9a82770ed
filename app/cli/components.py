"""`atelier component`: register, list, describe and archive components."""

import argparse

from app.cli import nouns, registries
from app.cli.connecting import connect
from app.cli.versioned import COLUMNS, Asset

COMPONENTS = Asset(
    "component",
    "components",
    lambda client: client.components,
    (
        "id", "name", "version", "type", "display_name", "description", "tags", "archived", "is_deterministic",
        "inputs", "outputs", "command", "code", "environment", "resources", "created_by", "created_at",
    ),
    (*COLUMNS[:2], "display_name", *COLUMNS[2:]),
    in_registries=True,
)  # fmt: skip


def register(commands: argparse._SubParsersAction) -> None:
    component = nouns.Noun(commands, "component", "components: versioned commands that jobs run")
    create = component.verb("create", "register a component file as a new version", run_create)
    nouns.add_file(create)
    nouns.add_name(create, "name of the component, instead of the file's", required=False)
    create.add_argument("--version", "-v", help="version, instead of the file's (default: the next number)")
    nouns.add_changes(create)
    registries.add_registry(create)
    COMPONENTS.register(component)


def run_create(options: argparse.Namespace) -> None:
    given = {"name": options.name, "version": options.version}
    changes = [*options.set, *(f"{name}={value}" for name, value in given.items() if value)]
    with connect(options) as client:
        COMPONENTS.made(client, client.components.create(options.file, changes), options)
