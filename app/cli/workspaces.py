"""`atelier workspace`: list, describe, make and change workspaces."""

import argparse
import os

from app.cli import nouns
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

FIELDS = ("name", "display_name", "description")
# What Azure's workspaces are made of, and a workspace here is not.
OF_THE_CLOUD = (
    "--application-insights", "--container-registry", "--key-vault", "--storage-account", "--image-build-compute",
    "--public-network-access", "--primary-user-assigned-identity", "--managed-network", "--enable-data-isolation",
    "--update-dependent-resources", "--system-datastores-auth-mode", "--allow-roleassignment-on-rg",
)  # fmt: skip
KEYS = "a workspace has no keys here: sign in with a personal token, from the page Tokens or `atelier token create`."
NETWORK = "there is no managed network: the server is reached where its operator lets it be."
NAMED = "name of the workspace (default: the one of --workspace)"


def register(commands: argparse._SubParsersAction) -> None:
    workspace = nouns.Noun(commands, "workspace", "workspaces: each with its own people and assets")
    create = workspace.verb("create", "make a workspace", run_create)
    nouns.add_file(create, required=False)
    nouns.add_name(create, "name of the workspace", required=False)
    _add_said(create)
    nouns.add_left(create, "--location", "-l", "--tags", *OF_THE_CLOUD)
    listing = workspace.verb("list", "list the workspaces in which you may do anything", run_list)
    nouns.add_left(listing, "--filtered-kinds")
    nouns.add_limit(listing)
    nouns.add_name(workspace.verb("show", "describe a workspace", run_show), NAMED, required=False)
    update = workspace.verb("update", "change what is said about a workspace", run_update)
    nouns.add_file(update, required=False)
    nouns.add_name(update, NAMED, required=False)
    _add_said(update)
    nouns.add_left(update, *OF_THE_CLOUD)
    delete = workspace.verb("delete", "delete a workspace that holds nothing, or with all that it holds", run_delete)
    nouns.add_name(delete, "name of the workspace")
    delete.add_argument("--all-resources", action="store_true", help="with all that it holds, for good")
    nouns.add_left(delete, "--permanently-delete", "-p")
    add_yes(delete)
    diagnose = workspace.verb("diagnose", "say how the server of a workspace is", run_diagnose)
    nouns.add_name(diagnose, NAMED, required=False)
    for name, why in (("list-keys", KEYS), ("sync-keys", KEYS), ("provision-network", NETWORK)):
        workspace.refused(name, "say what stands in for it", why, "--name", "-n", "--include-spark")
    rules = workspace.refused(
        "outbound-rule", "say what stands in for it", NETWORK, "--rule", "--type", "--destination"
    )
    rules.add_argument("verb", nargs="?", choices=("list", "show", "set", "remove"))
    rules.add_argument("--yes", "-y", action="store_true", help=argparse.SUPPRESS)


def _add_said(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--display-name", "-d", help="name on display")
    parser.add_argument("--description", help="what it is for")
    nouns.add_updates(parser)


def _definition(options: argparse.Namespace, client) -> dict:
    """What a workspace here has of a file; the rest of Azure's fields is named, and left."""
    given, _ = nouns.definition(options, "name", "display_name", "description")
    if left := [field for field in given if field not in (*FIELDS, "$schema")]:
        say(f"Warning: a workspace of this server has no {', '.join(left)}; left out.")
    return {"name": client.workspace} | {field: given[field] for field in FIELDS if field in given}


def _print(client, found: dict, options: argparse.Namespace) -> None:
    """With what scripts for Azure ask of a workspace beside that."""
    place = {"location": "local", "resource_group": os.environ.get("AZURE_RESOURCE_GROUP", "atelier")}
    shown = found | place | {"mlflow_tracking_uri": client.page("", found["name"])}
    print_one(shown, (*FIELDS, "mlflow_tracking_uri"), options.output)


def run_create(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print(client, client.workspaces.create(**_definition(options, client)), options)


def run_update(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print(client, client.workspaces.change(**_definition(options, client)), options)


def run_delete(options: argparse.Namespace) -> int:
    held = " and all that it holds, for good" if options.all_resources else ""
    if not is_sure(options, f"the workspace {options.name}{held}"):
        return 1
    with connect(options) as client:
        client.workspaces.delete(options.name, all_resources=options.all_resources)
    say(f"Deleted the workspace {options.name}")
    return 0


def run_diagnose(options: argparse.Namespace) -> None:
    with connect(options) as client:
        client.workspaces.get(options.name or client.workspace)
        found = client.workspaces.readiness()
    print_one(found, list(found), options.output)


def run_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.workspaces.list()[: options.max_results], FIELDS, options.output, "You have no workspace.")


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print(client, client.workspaces.get(options.name or client.workspace), options)
