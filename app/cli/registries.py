"""`atelier registry`, and what `atelier model|data|component` do with registries."""

import argparse

from app.cli import nouns
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one
from app.errors import Invalid

REQUESTS = ("id", "state", "kind", "share_with_name", "share_with_version", "workspace", "requested_by", "reason")
_DECISIONS = {
    "approve": "take in what a registry was asked for",
    "refuse": "leave out what a registry was asked for",
    "withdraw": "take back what you asked a registry for",
}
COLUMNS = ("name", "description", "location", "created_by", "created_at")


def register(commands: argparse._SubParsersAction) -> None:
    registry = nouns.Noun(commands, "registry", "registries: assets that all workspaces share")
    for verb, text, run in (
        ("create", "make a registry, or change what is said about it", run_create),
        ("update", "change what is said about a registry", run_update),
    ):
        create = registry.verb(verb, text, run)
        nouns.add_file(create, required=False)
        nouns.add_name(create, "name of the registry", required=False)
        create.add_argument("--description")
        create.add_argument("--location", "-l", help="kept and shown; the registry lies on this server")
        nouns.add_tags(create)
        nouns.add_updates(create)
        nouns.add_left(create, "--display-name", "--public-network-access")
    nouns.add_limit(registry.verb("list", "list registries", run_list))
    nouns.add_name(registry.verb("show", "describe a registry", run_show), "name of the registry")
    requests = registry.verb("requests", "list what a registry that wants approval was asked for", run_requests)
    nouns.add_name(requests, "name of the registry")
    requests.add_argument("--state", choices=("Pending", "Approved", "Refused", "Withdrawn"))
    nouns.add_limit(requests)
    for verb, text in _DECISIONS.items():
        decide = registry.verb(verb, text, _decision(verb))
        nouns.add_name(decide, "name of the registry")
        decide.add_argument("--request", type=int, required=True, help="number of the request")
        if verb != "withdraw":
            decide.add_argument("--comment", default="", help="for whoever asked")
    delete = registry.verb("delete", "delete a registry with all that is in it", run_delete)
    nouns.add_name(delete, "name of the registry")
    delete.add_argument("--yes", "-y", action="store_true", help="do it without asking")


def run_create(options: argparse.Namespace) -> None:
    from app.sdk.files import dump

    definition, _ = nouns.definition(options, "name", "description", "location")
    with connect(options) as client:
        made = client.registries.define(dump(definition))
    for warning in made.pop("warnings", []):
        say(f"Warning: {warning}")
    print_one(made, COLUMNS, options.output)


def run_update(options: argparse.Namespace) -> None:
    """What is not said stays."""
    from app.sdk import field_changes, files

    given, _ = nouns.definition(argparse.Namespace(file=options.file, name=options.name), "name")
    if not given.get("name"):
        raise Invalid("name: say which registry by --name or in a file.", target="name")
    with connect(options) as client:
        found = client.registries.get(given["name"])
        wanted = {field: found[field] for field in ("name", "description", "location", "tags")} | given
        wanted |= {
            field: said for field in ("description", "location") if (said := getattr(options, field)) is not None
        }
        made = client.registries.define(files.dump(field_changes.change(wanted, options.set)))
    for warning in made.pop("warnings", []):
        say(f"Warning: {warning}")
    print_one(made, COLUMNS, options.output)


def run_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        empty = "There is no registry yet. Make one with: atelier registry create --name shared"
        print_list(client.registries.list(options.max_results), COLUMNS, options.output, empty)


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.registries.get(options.name), (*COLUMNS, "tags"), options.output)


def run_requests(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = client.registries.requests(options.name, options.max_results, options.state)
        print_list(rows, REQUESTS, options.output, "Nobody has asked for anything.")


def _decision(verb: str) -> nouns.Run:
    def run(options: argparse.Namespace) -> None:
        with connect(options) as client:
            found = client.registries.decide(options.name, options.request, verb, getattr(options, "comment", ""))
        print_one(found, (*REQUESTS, "decided_by", "comment"), options.output)

    return run


def run_delete(options: argparse.Namespace) -> None:
    if not options.yes:
        raise Invalid(
            f"--yes: {options.name!r} is deleted with all that is in it, for all workspaces; say --yes to do it.",
            target="yes",
        )
    with connect(options) as client:
        client.registries.delete(options.name)
    say(f"Deleted the registry {options.name}")


def add_registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--registry-name", metavar="REGISTRY", help="in a registry instead of the workspace")


def shared(client, kind: str, made: dict, options: argparse.Namespace) -> dict:
    """A version that was just made, in the registry where one is named; the workspace keeps it too."""
    if not options.registry_name:
        return made
    say(f"Sharing {made['name']}:{made['version']} of the workspace {client.workspace} into {options.registry_name}")
    return client.registries.share(kind, made["name"], made["version"], options.registry_name)


def add_share(noun: nouns.Noun, kind: str, what: str) -> None:
    """The verb `share`; `kind` is the word of the address."""
    share = noun.verb("share", f"copy a version of a {what} into a registry", lambda options: _run_share(options, kind))
    nouns.add_name(share, f"name of the {what}")
    share.add_argument("--version", "-v", required=True, help="version")
    share.add_argument("--registry-name", metavar="REGISTRY", required=True, help="where it goes")
    share.add_argument("--share-with-name", metavar="NAME", help="name there (default: the same)")
    share.add_argument("--share-with-version", metavar="VERSION", help="version there (default: the same)")
    share.add_argument("--reason", help="ask for it, where a registry wants approval; whoever decides reads this")


def _run_share(options: argparse.Namespace, kind: str) -> None:
    place = kind, options.name, options.version, options.registry_name
    named = {"share_with_name": options.share_with_name, "share_with_version": options.share_with_version}
    with connect(options) as client:
        if options.reason is not None:
            print_one(client.registries.ask(*place, reason=options.reason, **named), REQUESTS, options.output)
            return
        made = client.registries.share(*place, **named)
    print_one(made, ("id", "name", "version", "type", "description", "created_by", "created_at"), options.output)
