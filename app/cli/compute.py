"""`atelier compute` and `atelier queue`: names under which jobs ask for workers, and how those are shared."""

import argparse

from app.cli import nouns
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

COLUMNS = ("name", "type", "min_instances", "max_instances", "in_use", "queue", "description")
FIELDS = (*COLUMNS, "tags", "properties", "created_by", "created_at")
WORKER = ("name", "host", "slots", "processors", "memory_bytes", "gpus", "engine", "usage", "heartbeat_at")
# What scripts for Azure say of a compute beside that.
KEPT = ("size", "tier", "location", "idle_time_before_scale_down")
QUEUE = ("name", "weight", "max_slots", "slots_in_use", "waiting", "description")


def register(commands: argparse._SubParsersAction) -> None:
    compute = nouns.Noun(commands, "compute", "computes: names under which jobs ask for workers")
    create = compute.verb(
        "create", "make a compute from a file or from flags, or change the one of its name", run_create
    )
    nouns.add_file(create, required=False)
    nouns.add_name(create, "name of the compute", required=False)
    create.add_argument("--type", "-t", type=str.lower, help="amlcompute, computeinstance, kubernetes, virtualmachine")
    create.add_argument("--min-instances", type=int)
    create.add_argument("--max-instances", type=int, help="how many instances of jobs run on it at a time")
    create.add_argument("--description")
    for name in KEPT:
        create.add_argument(f"--{name.replace('_', '-')}", help="kept as it is said; it means nothing here")
    nouns.add_changes(create)
    nouns.add_limit(compute.verb("list", "list computes", run_list))
    compute.verb("list-workers", "list the workers that are here now", run_workers)
    nouns.add_name(compute.verb("show", "describe a compute", run_show), "name of the compute")
    update = compute.verb("update", "change a compute", run_update)
    nouns.add_name(update, "name of the compute")
    update.add_argument("--min-instances", type=int)
    update.add_argument("--max-instances", type=int, help="how many instances of jobs run on it at a time")
    update.add_argument("--queue", help="queue of the jobs that name it")
    update.add_argument("--description")
    delete = compute.verb("delete", "delete a compute", run_delete)
    nouns.add_name(delete, "name of the compute")
    add_yes(delete)
    _register_queues(commands)


def _register_queues(commands: argparse._SubParsersAction) -> None:
    queue = nouns.Noun(commands, "queue", "queues: how jobs share the workers while there are too few")
    queue.verb("list", "list queues with what they use", run_queues)
    nouns.add_name(queue.verb("show", "describe a queue", run_queue), "name of the queue")
    for name, text in (("create", "make a queue"), ("update", "change a queue")):
        verb = queue.verb(name, text, run_put_queue)
        nouns.add_name(verb, "name of the queue")
        verb.add_argument("--weight", type=int, help="its share of the slots beside the weights of the others")
        verb.add_argument("--max-slots", type=int, help="slots that its jobs may use at a time; 0: no limit")
        verb.add_argument("--description")
    nouns.add_name(queue.verb("delete", "delete a queue; its jobs go to the default one", run_delete_queue), "name")


def run_create(options: argparse.Namespace) -> None:
    flags = ("name", "type", "min_instances", "max_instances", "description", *KEPT)
    given, _ = nouns.definition(options, *flags)
    with connect(options) as client:
        calls, is_file_alone = client.computes, options.file and not _given(options, *flags)
        made = calls.create(options.file, options.set) if is_file_alone else calls.define(given)
    for warning in made["warnings"]:
        say(f"Warning: {warning}")
    print_one(made, FIELDS, options.output)


def run_list(options: argparse.Namespace) -> None:
    empty = "There is no compute yet: jobs run on serverless. Make one with: atelier compute create -f compute.yml"
    with connect(options) as client:
        print_list(client.computes.list(options.max_results), COLUMNS, options.output, empty)


def run_workers(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.computes.workers(), WORKER, options.output, "No worker is here. Start one: atelier worker")


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.computes.get(options.name), FIELDS, options.output)


def run_update(options: argparse.Namespace) -> None:
    with connect(options) as client:
        changes = _given(options, "min_instances", "max_instances", "queue", "description")
        print_one(client.computes.change(options.name, **changes), FIELDS, options.output)


def run_delete(options: argparse.Namespace) -> None:
    if is_sure(options, f"the compute {options.name}"):
        with connect(options) as client:
            client.computes.delete(options.name)


def run_queues(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.computes.queues(), QUEUE, options.output, "There is no queue.")


def run_queue(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.computes.queue(options.name), QUEUE, options.output)


def run_put_queue(options: argparse.Namespace) -> None:
    changes = _given(options, "weight", "max_slots", "description")
    if changes.get("max_slots") == 0:
        changes["max_slots"] = None
    with connect(options) as client:
        print_one(client.computes.put_queue(options.name, **changes), QUEUE, options.output)


def run_delete_queue(options: argparse.Namespace) -> None:
    with connect(options) as client:
        client.computes.delete_queue(options.name)


def _given(options: argparse.Namespace, *names: str) -> dict:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}
