"""`atelier experiment`: list, create, describe, delete and restore experiments."""

import argparse

from app.cli import nouns
from app.cli.connecting import connect
from app.cli.printing import print_list, print_one

COLUMNS = ("id", "name", "folder", "runs", "last_run", "created_at")
FIELDS = (*COLUMNS, "description", "tags", "lifecycle_stage", "updated_at")


def register(commands: argparse._SubParsersAction) -> None:
    experiment = nouns.Noun(commands, "experiment", "experiments, in which jobs lie")
    create = experiment.verb("create", "create an experiment", run_create)
    nouns.add_name(create, "name of the experiment")
    create.add_argument("--folder", default="", help="folder that it lies in, such as vision/detectors")
    create.add_argument("--description", default="")
    listing = experiment.verb("list", "list experiments, those changed last first", run_list)
    nouns.add_limit(listing)
    listing.add_argument("--folder", default="", help="only those in this folder and below it")
    listing.add_argument("--deleted", action="store_true", help="only deleted ones")
    nouns.add_name(experiment.verb("show", "describe an experiment", run_show), "name of the experiment")
    delete = experiment.verb("delete", "delete an experiment with its jobs, until it is restored", run_delete)
    nouns.add_name(delete, "name of the experiment")
    nouns.add_name(experiment.verb("restore", "restore a deleted experiment", run_restore), "name of the experiment")


def run_create(options: argparse.Namespace) -> None:
    with connect(options) as client:
        made = client.create_experiment(options.name, folder=options.folder, description=options.description)
        print_one(made, FIELDS, options.output)


def run_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = client.experiments(options.max_results, folder=options.folder, deleted=options.deleted)
        print_list(rows, COLUMNS, options.output, "There is no such experiment.")


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.experiment(options.name), FIELDS, options.output)


def run_delete(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.delete_experiment(options.name), ("name", "lifecycle_stage"), options.output)


def run_restore(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.restore_experiment(options.name), ("name", "lifecycle_stage"), options.output)
