"""The verbs that every named, versioned asset has: list, show, archive, restore."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.cli import changing, nouns, registries
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

if TYPE_CHECKING:
    from app.sdk.client import Client
    from app.sdk.versions import Versions

COLUMNS = ("name", "version", "description", "created_by", "created_at")


@dataclass(frozen=True)
class Asset:
    """`calls` answers the client's calls about this kind; `fields` are those of one version that are shown.

    `in_registries` says that registries take it, under the word of `plural`.
    """

    noun: str
    plural: str
    calls: "Callable[[Client], Versions]"
    fields: Sequence[str]
    columns: Sequence[str] = COLUMNS
    in_registries: bool = False

    def register(self, noun: nouns.Noun) -> None:
        called = self._called
        listing = noun.verb("list", f"list {self.plural}, or the versions of one", self._list)
        nouns.add_name(listing, f"list the versions of this {self.noun}", required=False)
        nouns.add_limit(listing)
        self._add_registry(listing)
        nouns.add_archived(listing)
        for name, text, run in (
            ("show", "describe a version, by default the newest", self._show),
            ("archive", f"take {called}, or one version, out of the lists", self._archive),
            ("restore", "bring back what was archived", self._restore),
        ):
            verb = noun.verb(name, text, run)
            nouns.add_name(verb, f"name of the {self.noun}")
            verb.add_argument("--version", "-v", help="one version")
            self._add_registry(verb)
            verb.add_argument("--label", "-l", help="the version that has this label, such as latest")

        changing.add_update(noun, self.noun, self.calls, self.fields)
        if self.in_registries:
            registries.add_share(noun, self.plural, self.noun)

    def _add_registry(self, parser: argparse.ArgumentParser) -> None:
        if self.in_registries:
            registries.add_registry(parser)
        else:
            parser.set_defaults(registry_name=None)

    def made(self, client: "Client", found: dict, options: argparse.Namespace) -> None:
        """Print a version that was just registered, and what is to be noticed about it."""
        for warning in found["warnings"]:
            say(f"Warning: {warning}")
        print_one(registries.shared(client, self.plural, found, options), self.fields, options.output)

    @property
    def _called(self) -> str:
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def _list(self, options: argparse.Namespace) -> None:
        with connect(options) as client:
            calls = self.calls(client)
            if options.registry_name and options.name:
                rows = client.registries.versions(options.registry_name, self.plural, options.name, options.max_results)
            elif options.registry_name:
                rows = client.registries.assets(options.registry_name, self.plural, options.max_results)
            elif options.name:
                rows = calls.versions(options.name, options.max_results)
            else:
                rows = nouns.listed(calls.list, options)
            empty = f"There is no {self.noun} yet. Make one with: atelier {self.noun} create -f {self.noun}.yml"
            print_list(rows, self.columns, options.output, empty)

    def _show(self, options: argparse.Namespace) -> None:
        with connect(options) as client:
            if options.registry_name:
                found = client.registries.asset(options.registry_name, self.plural, options.name, options.version)
            else:
                found = self.calls(client).get(options.name, options.version, options.label)
            print_one(found, self.fields, options.output)

    def _archive(self, options: argparse.Namespace) -> None:
        changing.set_archived(options, self.plural, self.calls, self.fields, "archive")

    def _restore(self, options: argparse.Namespace) -> None:
        changing.set_archived(options, self.plural, self.calls, self.fields, "restore")
