"""`atelier compute` and `atelier queue`: names under which jobs ask for workers, and how those are shared."""

import argparse
from itertools import islice

from app.cli import changing, nouns
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

COLUMNS = ("name", "type", "state", "min_instances", "max_instances", "in_use", "queue", "description")
FIELDS = (*COLUMNS, "tags", "properties", "created_by", "created_at")
NAMED = "name of the compute"
NO_WORKER = "No worker is here. Start one: atelier worker"
TYPES = ("amlcompute", "computeinstance", "kubernetes", "virtualmachine")
WORKER = ("name", "host", "slots", "processors", "memory_bytes", "gpus", "engine", "usage", "heartbeat_at")
# What scripts for Azure say of a compute beside that.
KEPT = ("size", "tier", "location", "idle_time_before_scale_down", "resource_id", "namespace")
NODE = ("node_id", "node_state", "private_ip_address", "run_id")
SIZE = ("name", "family", "v_cp_us", "gpus", "memory_gb")
USAGE = ("name", "type", "current_value", "limit")
SHORT = {"size": ("-s",), "location": ("-l",)}
MACHINES = (
    "--identity-type", "--user-assigned-identities", "--admin-username", "--admin-password", "--ssh-key-value",
    "--ssh-public-access-enabled", "--vnet-name", "--subnet", "--enable-node-public-ip", "--user-object-id",
    "--user-tenant-id", "--enable-sso", "--enable-root-access", "--ssh-private-key-file",
)  # fmt: skip
POWER = {
    "start": "let the jobs of a compute start again",
    "stop": "let no job of a compute start until it is started; those that run end by themselves",
    "restart": "as start: a compute is a share of workers and has no machine of its own",
}
SSH = (
    "a compute is a share of workers and no machine to sign in to; `atelier job connect-ssh` signs in to a job whose "
    "file has a service of the type ssh."
)
SSH_FLAGS = ("--name", "-n", "--private-key-file-path", "-p")
SSO = "a compute has no sign-in of its own: whoever has signed in to this server may use what its workspace allows."
QUEUE = ("name", "weight", "max_slots", "slots_in_use", "waiting", "description")


def register(commands: argparse._SubParsersAction) -> None:
    compute = nouns.Noun(commands, "compute", "computes: names under which jobs ask for workers")
    for name, text in (
        ("create", "make a compute from a file or from flags, or change the one of its name"),
        ("attach", "as create, of the types virtualmachine and kubernetes"),
    ):
        create = compute.verb(name, text, run_create)
        nouns.add_file(create, required=False)
        nouns.add_name(create, NAMED, required=False)
        create.add_argument("--type", "-t", type=str.lower, help=f"{', '.join(TYPES)}")
        create.add_argument("--min-instances", type=int)
        create.add_argument("--max-instances", type=int, help="how many instances of jobs run on it at a time")
        create.add_argument("--description")
        for kept in KEPT:
            flags = [f"--{kept.replace('_', '-')}", *SHORT.get(kept, ())]
            create.add_argument(*flags, help="kept as it is said; it means nothing here")
        nouns.add_left(create, *MACHINES)
        nouns.add_changes(create)
        nouns.add_tags(create)
    listing = compute.verb("list", "list computes", run_list)
    listing.add_argument("--type", "-t", type=str.lower, choices=TYPES, help="only those of a type")
    nouns.add_limit(listing)
    compute.verb("list-workers", "list the workers that are here now", run_workers)
    _register_machines(compute)
    update = compute.verb("update", "change a compute", run_update)
    nouns.add_name(update, NAMED)
    nouns.add_left(update, "--idle-time-before-scale-down", *MACHINES[:2])
    nouns.add_updates(update)
    update.add_argument("--min-instances", type=int)
    update.add_argument("--max-instances", type=int, help="how many instances of jobs run on it at a time")
    update.add_argument("--queue", help="queue of the jobs that name it")
    update.add_argument("--description")
    for name, text in (("delete", "delete a compute"), ("detach", "as delete")):
        delete = compute.verb(name, text, run_delete)
        nouns.add_name(delete, NAMED)
        add_yes(delete)
    _register_queues(commands)


def _register_machines(compute: nouns.Noun) -> None:
    nouns.add_name(compute.verb("show", "describe a compute", run_show), NAMED)
    nodes = compute.verb("list-nodes", "list the workers, with what a compute runs on each", run_nodes)
    nouns.add_name(nodes, NAMED)
    sizes = compute.verb("list-sizes", "list the workers as sizes of machines", run_sizes)
    usage = compute.verb("list-usage", "list what is in use of the slots, the GPUs and each queue", run_usage)
    for verb in (sizes, usage):
        nouns.add_left(verb, "--location", "-l", *(("--type",) if verb is sizes else ()))
    for name, text in POWER.items():
        verb = compute.verb(name, text, run_power)
        verb.set_defaults(power=name)
        nouns.add_name(verb, NAMED)
    compute.refused("connect-ssh", "say what stands in for signing in to a machine", SSH, *SSH_FLAGS)
    compute.refused("enable-sso", "say who signs people in", SSO, "--name", "-n")


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


def run_power(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.computes.power(options.name, options.power), FIELDS, options.output)


def run_nodes(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.computes.nodes(options.name), NODE, options.output, NO_WORKER)


def run_sizes(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = [_size(worker) for worker in client.computes.workers()]
    print_list(rows, SIZE, options.output, NO_WORKER)


def _size(worker: dict) -> dict:
    return {
        "name": worker["name"],
        "family": "worker",
        "v_cp_us": worker["processors"],
        "gpus": len(worker["gpus"]),
        "memory_gb": round(worker["memory_bytes"] / 2**30, 1),
    }


def run_usage(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.computes.usage(), USAGE, options.output, "Nothing is in use.")


def run_list(options: argparse.Namespace) -> None:
    empty = "There is no compute yet: jobs run on serverless. Make one with: atelier compute create -f compute.yml"
    with connect(options) as client:
        rows = client.computes.list(None if options.type else options.max_results)
        rows = islice((row for row in rows if options.type in (None, row["type"])), options.max_results)
        print_list(rows, COLUMNS, options.output, empty)


def run_workers(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_list(client.computes.workers(), WORKER, options.output, NO_WORKER)


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.computes.get(options.name), FIELDS, options.output)


def run_update(options: argparse.Namespace) -> None:
    with connect(options) as client:
        changes = changing.changes(client.computes.get(options.name), options)
        changes |= _given(options, "min_instances", "max_instances", "queue")
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
