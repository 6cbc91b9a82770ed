"""`atelier online-deployment`: what the requests of an endpoint go to."""

import argparse
import time

from app.cli import local_endpoints, nouns, opening
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one, print_raw

DEPLOYMENT = (
    "name", "endpoint_name", "provisioning_state", "error", "model", "instance_type", "instance_count", "scoring_uri",
    "description", "tags", "created_by", "created_at",
)  # fmt: skip
COLUMNS = ("name", "provisioning_state", "model", "instance_count", "created_by", "created_at")
INSTANCE = ("number", "state", "restarts", "ready_at", "error")
NAMED = "name of the deployment"
SETTLED = ("Succeeded", "Failed")


def register(commands: argparse._SubParsersAction) -> None:
    deployment = nouns.Noun(commands, "online-deployment", "deployments: what an endpoint's requests go to")
    create = deployment.verb("create", "deploy a model", run_create)
    nouns.add_file(create)
    create.add_argument("--all-traffic", action="store_true", help="send all traffic of the endpoint to it")
    update = deployment.verb("update", "change a deployment; what it was serves until the change does", run_update)
    nouns.add_file(update, required=False)
    update.add_argument("--instance-count", type=int, help="how many instances, whatever the load")
    for verb in (create, update):
        nouns.add_name(verb, f"{NAMED}, instead of the file's", required=False)
        verb.add_argument("--endpoint-name", "-e", help="name of the endpoint, instead of the file's")
        (nouns.add_updates if verb is update else nouns.add_changes)(verb)
        nouns.add_left(verb, "--local-enable-gpu", "--vscode-debug")
        verb.add_argument("--web", action="store_true", help="open the page of its endpoint in a browser")
        _add_switches(verb)
    listing = deployment.verb("list", "list the deployments of an endpoint", run_list)
    listing.add_argument("--endpoint-name", "-e", required=True, help="name of the endpoint")
    show = deployment.verb("show", "describe a deployment", run_show)
    delete = deployment.verb("delete", "delete a deployment", run_delete)
    add_yes(delete)
    logs = deployment.verb("get-logs", "print what the scoring server printed", run_logs)
    logs.add_argument(
        "--lines", "-l", type=int, default=200, help="how many lines at most, from the end (default: 200)"
    )
    logs.add_argument("--instance", "--instance-name", type=int, default=0, help="which instance (default: 0)")
    logs.add_argument("--container", "-c", help="taken for scripts of Azure's; there is one log of all")
    for verb in (show, delete, logs):
        nouns.add_name(verb, NAMED)
        verb.add_argument("--endpoint-name", "-e", required=True, help="name of the endpoint")
    for verb in (create, update, listing, show, delete, logs):
        local_endpoints.add_local(verb)


def _add_switches(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--no-wait", action="store_true", help="do not wait until it serves")
    verb.add_argument(
        "--skip-script-validation", action="store_true", help="deploy a script that the checks before would refuse"
    )
    verb.add_argument(
        "--package-model", action="store_true", help="taken for scripts of Azure's; see the note it prints"
    )


def run_create(options: argparse.Namespace) -> int:
    definition, folder = nouns.definition(options, "name", "endpoint_name")
    if options.package_model:
        say("Note: --package-model: environments are built and kept by themselves, so nothing is packaged first.")
    if options.local:
        return _tell(local_endpoints.deploy(definition, folder, lambda: connect(options)), options)
    from app.sdk import scoring_scripts

    if not options.skip_script_validation:
        scoring_scripts.check(definition, folder)
    with connect(options) as client:
        made = client.create_deployment(definition, folder, all_traffic=getattr(options, "all_traffic", False))
        return _follow(client, made, options)


def run_update(options: argparse.Namespace) -> int:
    if options.instance_count is not None:
        options.set.append(f"instance_count={options.instance_count}")
    if options.file:
        return run_create(options)
    if not (options.name and options.endpoint_name and options.set):
        say("atelier: give --file, or --name, --endpoint-name and --set or --instance-count.")
        return 2
    with connect(options) as client:
        return _follow(client, client.change_deployment(options.endpoint_name, options.name, options.set), options)


def _follow(client, made: dict, options: argparse.Namespace) -> int:
    if options.web:
        opening.open_page(client.page(f"/endpoints/{made['endpoint_name']}"))
    for warning in made.get("warnings", []):
        say(f"Warning: {warning}")
    return _tell(made if options.no_wait else _wait(client, made), options)


def _tell(made: dict, options: argparse.Namespace) -> int:
    print_one(made, DEPLOYMENT, options.output)
    if made["provisioning_state"] != "Failed":
        return 0
    say(f"atelier: {made['error']}")
    place = " --local" if options.local else ""
    say(f"See: atelier online-deployment get-logs -e {made['endpoint_name']} -n {made['name']}{place}")
    return 1


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


def run_list(options: argparse.Namespace) -> None:
    empty = f"Endpoint {options.endpoint_name} has no deployment yet."
    if options.local:
        print_list(local_endpoints.deployments(options.endpoint_name), COLUMNS, options.output, empty)
        return
    with connect(options) as client:
        print_list(client.deployments(options.endpoint_name), COLUMNS, options.output, empty)


def run_show(options: argparse.Namespace) -> None:
    if options.local:
        print_one(local_endpoints.deployment(options.endpoint_name, options.name), DEPLOYMENT, options.output)
        return
    with connect(options) as client:
        found = client.deployment(options.endpoint_name, options.name)
    if options.output == "table":
        print_one(found, DEPLOYMENT, options.output)
        print_list(found["instances"], INSTANCE, "table", "It has no instance.")
    else:
        print_raw(found, options.output)


def run_delete(options: argparse.Namespace) -> int:
    if not is_sure(options, f"deployment {options.name} of {options.endpoint_name}"):
        return 1
    if options.local:
        local_endpoints.delete_deployment(options.endpoint_name, options.name)
    else:
        with connect(options) as client:
            client.delete_deployment(options.endpoint_name, options.name)
    say(f"Deployment {options.name} is deleted.")
    return 0


def run_logs(options: argparse.Namespace) -> None:
    if options.local:
        text = local_endpoints.logs(options.endpoint_name, options.name)
    else:
        with connect(options) as client:
            text = client.deployment_logs(options.endpoint_name, options.name, instance=options.instance)
    for line in text.splitlines()[-options.lines :]:
        print(line)
