"""`atelier schedule`: jobs that are submitted at given times."""

import argparse

from app.cli import nouns
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one
from app.sdk.errors import BadFile

COLUMNS = ("name", "when", "is_enabled", "next_run", "created_by")
FIELDS = (
    "name", "display_name", "description", "tags", "when", "trigger", "create_job", "is_enabled", "next_runs",
    "created_by", "created_at", "updated_at",
)  # fmt: skip


def register(commands: argparse._SubParsersAction) -> None:
    schedule = nouns.Noun(commands, "schedule", "schedules: jobs that are submitted at given times")
    for verb, text in (
        ("create", "make a schedule of a file, or change the one of its name"),
        ("update", "change a schedule by its file, or single fields of one that is there by --set"),
    ):
        parser = schedule.verb(verb, text, run_create)
        nouns.add_file(parser, required=verb == "create")
        nouns.add_name(parser, "name of the schedule, instead of the file's", required=False)
        (nouns.add_updates if verb == "update" else nouns.add_changes)(parser)
    listing = schedule.verb("list", "list schedules", run_list)
    nouns.add_limit(listing)
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--enabled-only", action="store_true", help="only those that submit jobs")
    which.add_argument("--disabled-only", action="store_true", help="only those that do not")
    which.add_argument("--include-disabled", action="store_true", help="all of them, as is usual here")
    for name, text, run in (
        ("show", "describe a schedule, with the next times at which it is due", run_show),
        ("enable", "let a schedule submit its jobs again, from now on", run_enable),
        ("disable", "let a schedule submit no job until it is enabled", run_disable),
        ("trigger", "submit the job of a schedule now", run_trigger),
        ("delete", "delete a schedule; its jobs stay", run_delete),
    ):
        verb = schedule.verb(name, text, run)
        nouns.add_name(verb, "name of the schedule")
        if name == "delete":
            add_yes(verb)


def run_create(options: argparse.Namespace) -> None:
    changes = [*options.set, *([f"name={options.name}"] if options.name else [])]
    if options.file is None and not options.name:
        raise BadFile("Say which schedule: --name NAME, or --file FILE with all of its fields.")
    with connect(options) as client:
        calls = client.schedules
        made = calls.create(options.file, changes) if options.file else calls.change(options.name, options.set)
    for warning in made["warnings"]:
        say(f"Warning: {warning}")
    _print(made, options.output)


def _print(schedule: dict, output: str) -> None:
    if output == "table":
        job = schedule["create_job"]
        schedule = schedule | {"create_job": job.get("job") or job.get("display_name") or job.get("command") or "a job"}
    print_one(schedule, FIELDS, output)


def run_list(options: argparse.Namespace) -> None:
    narrowed = {"enabled": options.enabled_only} if options.enabled_only or options.disabled_only else {}
    with connect(options) as client:
        rows = client.schedules.list(options.max_results, **narrowed)
        empty = "There is no schedule yet. Make one with: atelier schedule create -f schedule.yml"
        print_list(rows, COLUMNS, options.output, empty)


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print(client.schedules.get(options.name), options.output)


def run_enable(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.schedules.enable(options.name), COLUMNS, options.output)


def run_disable(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.schedules.disable(options.name), COLUMNS, options.output)


def run_trigger(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.schedules.trigger(options.name), ("name", "status"), options.output)


def run_delete(options: argparse.Namespace) -> None:
    if not is_sure(options, f"the schedule {options.name}"):
        return
    with connect(options) as client:
        client.schedules.delete(options.name)
    say(f"Deleted schedule {options.name}; its jobs stay.")
