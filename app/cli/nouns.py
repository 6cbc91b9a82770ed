"""How a command of the form `atelier NOUN VERB` is made."""

import argparse
import json
from collections.abc import Callable, Iterable
from itertools import chain, islice
from pathlib import Path
from typing import Any

from app.cli.connecting import add_options, say
from app.cli.printing import Form
from app.errors import Unsupported

Run = Callable[[argparse.Namespace], int | None]


class Noun:
    def __init__(self, commands: argparse._SubParsersAction, name: str, text: str) -> None:
        self._verbs = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.").add_subparsers(
            metavar="VERB", required=True
        )

    def local_verb(self, name: str, text: str, run: Run, *, aliases: tuple[str, ...] = ()) -> argparse.ArgumentParser:
        """One that is done on this machine, without a server."""
        # What a verb takes itself stands before what all of them take.
        parser = self._verbs.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            aliases=list(aliases),
            conflict_handler="resolve",
        )
        parser.set_defaults(run=run)
        return parser

    def verb(self, name: str, text: str, run: Run, *, aliases: tuple[str, ...] = ()) -> argparse.ArgumentParser:
        parser = self.local_verb(name, text, run, aliases=aliases)
        add_options(parser)
        parser.set_defaults(run=lambda options: run(_prepared(options)))
        return parser

    def refused(self, name: str, text: str, why: str, *flags: str) -> argparse.ArgumentParser:
        """One of Azure's command line that is not there; `why` says what stands in for it."""

        def run(options: argparse.Namespace) -> None:
            raise Unsupported(why)

        parser = self.verb(name, text, run)
        for flag in flags:
            parser.add_argument(flag, nargs="*", help=argparse.SUPPRESS)
        return parser


def _prepared(options: argparse.Namespace) -> argparse.Namespace:
    options.output = Form(options.output, options.query)
    if getattr(options, "force_string", False):
        from app.sdk.field_changes import Text

        options.set = [Text(text) if type(text) is str else text for text in options.set]
    return options


def add_file(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--file", "-f", type=Path, required=required, help="YAML file with the fields of Azure ML CLI v2"
    )


def add_name(parser: argparse.ArgumentParser, text: str, *, required: bool = True) -> None:
    parser.add_argument("--name", "-n", required=required, help=text)


def add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-results", "-r", type=int, default=50, metavar="N", help="how many at most (default: 50)")


def add_archived(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--archived-only", action="store_true", help="only what is archived")
    which.add_argument("--include-archived", action="store_true", help="what is archived too, after the rest")


def listed(call: Callable[..., Iterable[dict]], options: argparse.Namespace, **narrowed: Any) -> Iterable[dict]:
    """What a call lists, of that the archived as the flags of `add_archived` say."""
    wanted = [{"archived": True}] if options.archived_only else [{}, *([{"archived": True}] * options.include_archived)]
    rows = chain.from_iterable(call(options.max_results, **narrowed, **which) for which in wanted)
    return islice(rows, options.max_results)


class _Change(argparse.Action):
    """Keeps each value as the kind of change that the flag says, in the order in which they are given."""

    def __init__(self, *args: Any, kind: str, **rest: Any) -> None:
        super().__init__(*args, nargs="+", **rest)
        self.kind = kind

    def __call__(self, parser, options, values, flag=None) -> None:
        from app.sdk import field_changes

        made = getattr(field_changes, self.kind)
        options.set = [*options.set, *map(made, _MERGED[self.kind](list(values)))]


def _removed(values: list[str]) -> list[str]:
    """`rules 0` is the first item of the list `rules`."""
    place, *rest = values
    return [f"{place}[{rest[0]}]"] if len(rest) == 1 and rest[0].isdigit() else values


def _added(values: list[str]) -> list[str]:
    """`rules port=80 host=a` adds one mapping, `rules text` a text."""
    place, *rest = values
    if rest and all("=" in value for value in rest):
        return [f"{place}={json.dumps(dict(value.split('=', 1) for value in rest))}"]
    return [f"{place}={value}" for value in rest] or [place]


def _tags(values: list[str]) -> list[str]:
    """Several may be one argument, as in `"a=1 b=2"`."""
    return [tag for value in values for tag in (value.split() if value.count("=") > 1 else [value])]


_MERGED = {"Removal": _removed, "Addition": _added, "Tag": _tags}


def add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field, such as inputs.epochs=5",
    )


def add_updates(parser: argparse.ArgumentParser) -> None:
    """The flags by which Azure's command line changes anything."""
    add_changes(parser)
    changed: dict[str, Any] = {"action": _Change, "dest": "set", "default": []}
    parser.add_argument("--add", kind="Addition", metavar="LIST VALUE", help="put a value into a list", **changed)
    parser.add_argument("--remove", kind="Removal", metavar="FIELD", help="take out a field or LIST NUMBER", **changed)
    parser.add_argument("--force-string", action="store_true", help="values of --set stay text, however they look")


def add_tags(parser: argparse.ArgumentParser) -> None:
    """Beside `add_changes`, whose changes they join."""
    parser.add_argument("--tags", action=_Change, kind="Tag", dest="set", default=[], metavar="KEY=VALUE", help="tags")


class _Left(argparse.Action):
    def __call__(self, parser, options, values, flag=None) -> None:
        say(f"Note: {flag} means nothing here; it is left out.")


def add_left(parser: argparse.ArgumentParser, *flags: str) -> None:
    """Flags of Azure's command line that say something about its cloud only."""
    for flag in flags:
        parser.add_argument(flag, nargs="*", action=_Left, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def definition(options: argparse.Namespace, *fields: str) -> tuple[dict, Path]:
    """The fields of `--file` with those given as flags over them, and the folder that paths are relative to.

    Flags are relative to the working folder, so one for a path is made absolute.
    """
    from app.sdk import files

    found: dict = {}
    if options.file:
        found = files.parse(files.read_text(options.file), options.file.name)
    found = files.change(found, getattr(options, "set", []))
    for field in fields:
        value = getattr(options, field, None)
        if value is not None:
            found[field] = str(Path(value).resolve()) if field == "path" and files.is_local(value) else value
    return found, options.file.parent if options.file else Path()
