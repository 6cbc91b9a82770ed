"""`atelier online-endpoint` and `atelier online-deployment`."""

import argparse
import sys
import time
from pathlib import Path

from app.cli import nouns
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one, print_raw

ENDPOINT = (
    "name",
    "auth_mode",
    "traffic",
    "mirror_traffic",
    "scoring_uri",
    "openapi_uri",
    "description",
    "tags",
    "created_by",
    "created_at",
)
DEPLOYMENT = (
    "name", "endpoint_name", "provisioning_state", "error", "model", "instance_type", "instance_count", "description",
    "tags", "created_by", "created_at",
)  # fmt: skip
SETTLED = ("Succeeded", "Failed")


def register(commands: argparse._SubParsersAction) -> None:
    _register_endpoints(nouns.Noun(commands, "online-endpoint", "online endpoints: addresses that score"))
    _register_deployments(nouns.Noun(commands, "online-deployment", "deployments: what an endpoint's requests go to"))


def _register_endpoints(endpoint: nouns.Noun) -> None:
    create = endpoint.verb("create", "make an endpoint", run_endpoint_create)
    nouns.add_file(create, required=False)
    nouns.add_name(create, "name of the endpoint", required=False)
    nouns.add_changes(create)
    create.add_argument("--auth-mode", choices=("key", "aml_token", "aad_token"))
    update = endpoint.verb("update", "change the traffic of an endpoint", run_endpoint_update)
    nouns.add_name(update, "name of the endpoint")
    update.add_argument("--traffic", "-r", help="shares in per cent, such as 'blue=90 green=10'")
    update.add_argument(
        "--mirror-traffic", help="who gets copies of how many in a hundred requests, such as 'green=10'"
    )
    update.add_argument("--roll-back", action="store_true", help="go back to the traffic before its last change")
    nouns.add_limit(endpoint.verb("list", "list endpoints", run_endpoint_list))
    nouns.add_name(endpoint.verb("show", "describe an endpoint", run_endpoint_show), "name of the endpoint")
    delete = endpoint.verb("delete", "delete an endpoint and its deployments", run_endpoint_delete)
    nouns.add_name(delete, "name of the endpoint")
    _add_yes(delete)
    keys = endpoint.verb("get-credentials", "print the keys of an endpoint", run_endpoint_keys)
    nouns.add_name(keys, "name of the endpoint")
    renew = endpoint.verb("regenerate-keys", "replace a key of an endpoint; the other stays valid", run_endpoint_renew)
    nouns.add_name(renew, "name of the endpoint")
    renew.add_argument("--key-type", choices=("primary", "secondary"), default="primary", help="default: primary")
    invoke = endpoint.verb("invoke", "score a request and print the answer", run_endpoint_invoke)
    nouns.add_name(invoke, "name of the endpoint")
    invoke.add_argument(
        "--request-file", "-r", type=Path, required=True, help="JSON file with the request; - reads standard input"
    )
    invoke.add_argument("--deployment-name", "-d", help="ask this deployment, whatever the traffic rules say")


def _register_deployments(deployment: nouns.Noun) -> None:
    create = deployment.verb("create", "deploy a model, or change a deployment", run_deployment_create)
    nouns.add_file(create)
    nouns.add_name(create, "name of the deployment, instead of the file's", required=False)
    _add_deploying(create)
    update = deployment.verb("update", "change a deployment, or how many instances it has", run_deployment_update)
    nouns.add_file(update, required=False)
    nouns.add_name(update, "name of the deployment", required=False)
    _add_deploying(update)
    update.add_argument("--instance-count", type=int, metavar="N", help="a fixed number of instances; the rest stays")
    listing = deployment.verb("list", "list the deployments of an endpoint", run_deployment_list)
    listing.add_argument("--endpoint-name", "-e", required=True, help="name of the endpoint")
    _add_names(deployment.verb("show", "describe a deployment", run_deployment_show))
    delete = deployment.verb("delete", "delete a deployment", run_deployment_delete)
    _add_names(delete)
    _add_yes(delete)
    logs = deployment.verb("get-logs", "print what the scoring server printed", run_deployment_logs)
    _add_names(logs)
    logs.add_argument(
        "--lines", "-l", type=int, default=200, help="how many lines at most, from the end (default: 200)"
    )
    logs.add_argument("--instance", type=int, default=0, help="which instance (default: 0)")


def _add_deploying(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint-name", "-e", help="name of the endpoint, instead of the file's")
    nouns.add_changes(parser)
    parser.add_argument("--all-traffic", action="store_true", help="send all traffic of the endpoint to it")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it serves")


def _add_names(parser: argparse.ArgumentParser) -> None:
    nouns.add_name(parser, "name of the deployment")
    parser.add_argument("--endpoint-name", "-e", required=True, help="name of the endpoint")


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def _is_sure(options: argparse.Namespace, what: str) -> bool:
    """Only a person at a terminal is asked."""
    if options.yes or not sys.stdin.isatty():
        return True
    return input(f"Delete {what}? [y/N] ").strip().lower() in ("y", "yes")


def run_endpoint_create(options: argparse.Namespace) -> None:
    definition, _ = nouns.definition(options, "name", "auth_mode")
    with connect(options) as client:
        print_one(client.create_endpoint(definition), ENDPOINT, options.output)


def run_endpoint_update(options: argparse.Namespace) -> int:
    changes = {}
    for field in ("traffic", "mirror_traffic"):
        text = getattr(options, field)
        if text is None:
            continue
        shares = dict(part.partition("=")[::2] for part in text.replace(",", " ").split())
        if not all(share.isdigit() for share in shares.values()):
            say(f"atelier: --{field.replace('_', '-')} {text!r}: write it as 'blue=90 green=10'.")
            return 2
        changes[field] = {name: int(share) for name, share in shares.items()}
    if bool(changes) == options.roll_back:
        say("atelier: say either --traffic, --mirror-traffic or both, or --roll-back.")
        return 2
    with connect(options) as client:
        if options.roll_back:
            changed = client.roll_back_endpoint(options.name)
        else:
            changed = client.change_endpoint(options.name, **changes)
        print_one(changed, ENDPOINT, options.output)
    return 0


def run_endpoint_renew(options: argparse.Namespace) -> None:
    with connect(options) as client:
        found = client.regenerate_key(options.name, options.key_type)
        print_one(found, ("primaryKey", "secondaryKey"), options.output)


def run_endpoint_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        columns = ("name", "auth_mode", "traffic", "scoring_uri", "created_at")
        print_list(client.endpoints(options.max_results), columns, options.output, "There is no endpoint yet.")


def run_endpoint_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.endpoint(options.name), ENDPOINT, options.output)


def run_endpoint_delete(options: argparse.Namespace) -> int:
    if not _is_sure(options, f"endpoint {options.name} and its deployments"):
        return 1
    with connect(options) as client:
        client.delete_endpoint(options.name)
    say(f"Endpoint {options.name} is deleted.")
    return 0


def run_endpoint_keys(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.credentials(options.name), ("primaryKey", "secondaryKey"), options.output)


def run_endpoint_invoke(options: argparse.Namespace) -> int:
    if str(options.request_file) == "-":
        body = sys.stdin.buffer.read()
    elif options.request_file.is_file():
        body = options.request_file.read_bytes()
    else:
        say(f"atelier: --request-file: there is no file {options.request_file}.")
        return 2
    with connect(options) as client:
        answer = client.invoke(options.name, body, options.deployment_name)
    print(answer.decode(errors="replace"))
    return 0


def run_deployment_create(options: argparse.Namespace) -> int:
    definition, folder = nouns.definition(options, "name", "endpoint_name")
    with connect(options) as client:
        made = client.create_deployment(definition, folder, all_traffic=options.all_traffic)
        if not options.no_wait:
            made = _wait(client, made)
        print_one(made, DEPLOYMENT, options.output)
    if made["provisioning_state"] == "Failed":
        say(f"atelier: {made['error']}")
        say(f"See: atelier online-deployment get-logs -e {made['endpoint_name']} -n {made['name']}")
        return 1
    return 0


def run_deployment_update(options: argparse.Namespace) -> int:
    """From a file, or without one the number of instances and the rule for it."""
    if options.file:
        return run_deployment_create(options)
    if not (options.name and options.endpoint_name):
        say("atelier: say which deployment, by --file or by --name and --endpoint-name.")
        return 2
    with connect(options) as client:
        changes = _scale_changes(client.deployment(options.endpoint_name, options.name), options)
        others = sorted(changes.keys() - {"instance_count", "scale_settings"})
        if others or not changes:
            what = f"{', '.join(others)}: not without --file" if others else "there is nothing to change"
            say(f"atelier: {what}. Say --instance-count N or --set scale_settings.max_instances=N.")
            return 2
        changed = client.scale_deployment(options.endpoint_name, options.name, **changes)
        print_one(changed, DEPLOYMENT, options.output)
    return 0


def _scale_changes(found: dict, options: argparse.Namespace) -> dict:
    from app.sdk import files

    changes = files.change({"scale_settings": dict(found["scale_settings"] or {})}, options.set)
    if changes["scale_settings"] == (found["scale_settings"] or {}):
        del changes["scale_settings"]
    if options.instance_count is not None:
        changes["instance_count"] = options.instance_count
    return changes


def _wait(client, made: dict) -> dict:
    """Says each new state until the deployment serves or has failed."""
    said = ""
    while True:
        state = made["provisioning_state"]
        if state != said:
            say(f"Deployment {made['name']}: {state}")
            said = state
        if state in SETTLED:
            return made
        time.sleep(0.5)
        made = client.deployment(made["endpoint_name"], made["name"])


def run_deployment_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        columns = ("name", "provisioning_state", "model", "instance_count", "created_by", "created_at")
        rows = client.deployments(options.endpoint_name)
        print_list(rows, columns, options.output, f"Endpoint {options.endpoint_name} has no deployment yet.")


def run_deployment_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        found = client.deployment(options.endpoint_name, options.name)
    if options.output == "table":
        print_one(found, DEPLOYMENT, options.output)
        print_list(
            found["instances"], ("number", "state", "restarts", "ready_at", "error"), "table", "It has no instance."
        )
    else:
        print_raw(found, options.output)


def run_deployment_delete(options: argparse.Namespace) -> int:
    if not _is_sure(options, f"deployment {options.name} of {options.endpoint_name}"):
        return 1
    with connect(options) as client:
        client.delete_deployment(options.endpoint_name, options.name)
    say(f"Deployment {options.name} is deleted.")
    return 0


def run_deployment_logs(options: argparse.Namespace) -> None:
    with connect(options) as client:
        text = client.deployment_logs(options.endpoint_name, options.name, instance=options.instance)
    for line in text.splitlines()[-options.lines :]:
        print(line)
