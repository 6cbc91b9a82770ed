"""The verb `update` of versioned assets: what is said about a version is changed, what it is stays."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from app.cli import nouns
from app.cli.connecting import connect
from app.cli.printing import print_one
from app.errors import Unsupported

if TYPE_CHECKING:
    from app.sdk.client import Client
    from app.sdk.versions import Versions


def add_update(noun: nouns.Noun, what: str, calls: "Callable[[Client], Versions]", fields: Sequence[str]) -> None:
    def run(options: argparse.Namespace) -> None:
        if options.registry_name:
            raise Unsupported(
                f"--registry-name: what is said of a version in a registry stays; share a new one with: atelier {what} "
                "share."
            )
        with connect(options) as client:
            kind = calls(client)
            version = options.version or newest(kind, options.name, options.label)
            found = kind.get(options.name, version)
            print_one(kind.change(options.name, version, **changes(found, options)), fields, options.output)

    text = f"change the description and tags of {'an' if what[0] in 'aeiou' else 'a'} {what}"
    update = noun.verb("update", text, run)
    nouns.add_name(update, f"name of the {what}")
    update.add_argument("--version", "-v", help="version (default: the newest)")
    update.add_argument("--label", "-l", help="the version that has this label, such as latest")
    update.add_argument("--registry-name", metavar="REGISTRY", help=argparse.SUPPRESS)
    add_said(update)
    if what == "model":
        update.add_argument("--stage", "-s", help="the new stage, such as Production")


def set_archived(
    options: argparse.Namespace, kind: str, calls: "Callable[[Client], Versions]", fields: Sequence[str], verb: str
) -> None:
    """Archive or restore an asset, one version of it, or the one with a label, here or in a registry."""
    with connect(options) as client:
        known = calls(client)
        if options.registry_name:
            changed = client.registries.set_archived(options.registry_name, kind, options.name, options.version, verb)
        else:
            version = options.version or (options.label and newest(known, options.name, options.label))
            changed = getattr(known, verb)(options.name, version)
    print_one(changed, (*fields, "archived"), options.output)


def add_said(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--description", help="the new description")
    nouns.add_updates(parser)


def newest(kind: "Versions", name: str, label: str | None = None) -> str:
    """A model's own answer names its newest version under another field than that of a version."""
    found = kind.get(name, label=label)
    return str(found.get("version") or found["latest_version"])


def changes(found: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """The fields that the flags change, whole: `--set tags.a=b` keeps the other tags.

    Raises BadFile for a `--set` that cannot be read.
    """
    from app.sdk.field_changes import change, field_of

    given = {name: _copy(found.get(name)) for name in map(field_of, options.set)}
    wanted = {name: "" if name == "description" else {} for name in given} | change(given, options.set)
    if isinstance(wanted.get("tags"), dict):
        wanted["tags"] = {key: str(value) for key, value in wanted["tags"].items()}
    said = {field: getattr(options, field, None) for field in ("description", "stage")}
    return wanted | {field: value for field, value in said.items() if value is not None}


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value or {}
