"""`atelier batch-endpoint` and `atelier batch-deployment`."""

import argparse
from pathlib import Path

from app.cli import nouns
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one, print_raw

ENDPOINT = ("name", "auth_mode", "defaults", "scoring_uri", "description", "tags", "created_by", "created_at")
DEPLOYMENT = (
    "name", "endpoint_name", "type", "provisioning_state", "model", "component", "job_definition", "compute",
    "resources", "settings", "description", "tags", "created_by", "created_at",
)  # fmt: skip
JOB = ("name", "display_name", "status", "created_by", "created_at", "ended_at")
INPUT_TYPES = ("uri_file", "uri_folder", "mltable")
# What an invocation's file may say, and flags say instead.
ASKED = (
    "deployment_name", "experiment_name", "job_name", "instance_count", "mini_batch_size", "output_path",
)  # fmt: skip


def register(commands: argparse._SubParsersAction) -> None:
    _register_endpoints(nouns.Noun(commands, "batch-endpoint", "batch endpoints: addresses that score files"))
    _register_deployments(nouns.Noun(commands, "batch-deployment", "deployments of batch endpoints: what scores"))


def _register_endpoints(endpoint: nouns.Noun) -> None:
    create = endpoint.verb("create", "make an endpoint", run_create)
    nouns.add_file(create, required=False)
    nouns.add_name(create, "name of the endpoint", required=False)
    nouns.add_changes(create)
    update = endpoint.verb("update", "change an endpoint", run_update)
    nouns.add_file(update, required=False)
    nouns.add_name(update, "name of the endpoint", required=False)
    nouns.add_updates(update)
    update.add_argument("--defaults", nargs="+", default=[], metavar="FIELD=VALUE", help="such as deployment_name=blue")
    nouns.add_limit(endpoint.verb("list", "list endpoints", run_list))
    nouns.add_name(endpoint.verb("show", "describe an endpoint", run_show), "name of the endpoint")
    delete = endpoint.verb("delete", "delete an endpoint and its deployments; its jobs stay", run_delete)
    nouns.add_name(delete, "name of the endpoint")
    add_yes(delete)
    jobs = endpoint.verb("list-jobs", "list the jobs of an endpoint", run_jobs)
    nouns.add_name(jobs, "name of the endpoint")
    nouns.add_limit(jobs)
    _register_invoke(endpoint)


def _register_invoke(endpoint: nouns.Noun) -> None:
    invoke = endpoint.verb("invoke", "score files, folders or tables, by a job", run_invoke)
    nouns.add_name(invoke, "name of the endpoint")
    nouns.add_file(invoke, required=False)
    nouns.add_changes(invoke)
    invoke.add_argument("--deployment-name", "-d", help="ask this deployment instead of the default one")
    invoke.add_argument("--input", help="a local path, azureml:NAME:VERSION, azureml://… or https://…")
    invoke.add_argument("--input-type", choices=INPUT_TYPES, help="default: as it is where local, else uri_folder")
    text = "a pipeline's inputs, as FIELD=VALUE such as data.path=./folder or epochs=5"
    invoke.add_argument("--inputs", nargs="+", default=[], metavar="FIELD=VALUE", help=text)
    invoke.add_argument(
        "--outputs",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="where outputs go, such as score.path=azureml://…",
    )
    invoke.add_argument("--output-path", help="folder of a datastore for the rows, as azureml://datastores/…/paths/…/")
    invoke.add_argument("--mini-batch-size", "-m", type=int, help="how many files are scored by one call")
    invoke.add_argument("--instance-count", "-c", type=int, help="how many instances score")
    invoke.add_argument("--job-name", "-j", help="name of the job")
    invoke.add_argument("--experiment-name", help="experiment of the job (default: the endpoint's name)")


def _register_deployments(deployment: nouns.Noun) -> None:
    create = deployment.verb("create", "deploy a model or a pipeline, or change a deployment", run_deploy)
    nouns.add_file(create)
    nouns.add_name(create, "name of the deployment, instead of the file's", required=False)
    create.add_argument("--endpoint-name", "-e", help="name of the endpoint, instead of the file's")
    nouns.add_changes(create)
    create.add_argument("--set-default", action="store_true", help="make it the endpoint's default")
    create.add_argument("--skip-script-validation", action="store_true", help=argparse.SUPPRESS)
    create.add_argument("--no-wait", action="store_true", help=argparse.SUPPRESS)
    update = deployment.verb("update", "change a deployment", run_redeploy)
    nouns.add_file(update, required=False)
    nouns.add_name(update, "name of the deployment", required=False)
    update.add_argument("--endpoint-name", "-e", help="name of the endpoint")
    nouns.add_updates(update)
    update.add_argument("--set-default", action="store_true", help="make it the endpoint's default")
    update.add_argument("--skip-script-validation", action="store_true", help=argparse.SUPPRESS)
    update.add_argument("--no-wait", action="store_true", help=argparse.SUPPRESS)
    listing = deployment.verb("list", "list the deployments of an endpoint", run_deployments)
    listing.add_argument("--endpoint-name", "-e", required=True, help="name of the endpoint")
    nouns.add_limit(listing)
    _add_names(deployment.verb("show", "describe a deployment", run_deployment))
    jobs = deployment.verb("list-jobs", "list the jobs of a deployment", run_deployment_jobs)
    _add_names(jobs)
    nouns.add_limit(jobs)
    delete = deployment.verb("delete", "delete a deployment; its jobs stay", run_undeploy)
    _add_names(delete)
    add_yes(delete)


def _add_names(parser: argparse.ArgumentParser) -> None:
    nouns.add_name(parser, "name of the deployment")
    parser.add_argument("--endpoint-name", "-e", required=True, help="name of the endpoint")


def run_create(options: argparse.Namespace) -> None:
    definition, _ = nouns.definition(options, "name")
    with connect(options) as client:
        print_one(client.batch_endpoints.create(definition), ENDPOINT, options.output)


def run_update(options: argparse.Namespace) -> int:
    options.set = [*options.set, *(f"defaults.{change}" for change in options.defaults)]
    definition, _ = nouns.definition(options, "name")
    if not definition.get("name"):
        say("atelier: name the endpoint by --name or in a file.")
        return 2
    with connect(options) as client:
        changes = {name: definition[name] for name in ("description", "tags", "defaults") if name in definition}
        print_one(client.batch_endpoints.change(definition["name"], **changes), ENDPOINT, options.output)
    return 0


def run_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = client.batch_endpoints.list(options.max_results)
        empty = "There is no batch endpoint yet. Make one with: atelier batch-endpoint create -n NAME"
        print_list(rows, ("name", "defaults", "description", "created_by", "created_at"), options.output, empty)


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.batch_endpoints.get(options.name), ENDPOINT, options.output)


def run_delete(options: argparse.Namespace) -> int:
    if not is_sure(options, f"batch endpoint {options.name} and its deployments"):
        return 1
    with connect(options) as client:
        client.batch_endpoints.delete(options.name)
    say(f"Batch endpoint {options.name} is deleted; its jobs stay.")
    return 0


def run_jobs(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = client.batch_endpoints.jobs(options.name, options.max_results)
        print_list(rows, JOB, options.output, f"Endpoint {options.name} was not invoked yet.")


def run_invoke(options: argparse.Namespace) -> None:
    name, options.name = options.name, None
    given = [f"{field}.{change}" for field in ("inputs", "outputs") for change in getattr(options, field)]
    options.set = [*options.set, *given]
    asked, folder = nouns.definition(options, *ASKED)
    if options.input:
        asked["input"] = {"path": options.input, "type": options.input_type}
        asked["input"] = {key: value for key, value in asked["input"].items() if value}
        folder = Path() if options.file is None else folder
    asked = {key: value for key, value in asked.items() if key not in ("$schema", "name")}
    with connect(options) as client:
        job = client.batch_endpoints.invoke(name, asked, folder)
        print_one(job, ("name", "type", "status", "experiment_name"), options.output)
    say(f"Follow it with: atelier job stream -n {job['name']}")


def run_deploy(options: argparse.Namespace) -> None:
    definition, folder = nouns.definition(options, "name", "endpoint_name")
    with connect(options) as client:
        made = client.batch_endpoints.deploy(definition, folder, set_default=options.set_default)
        print_one(made, DEPLOYMENT, options.output)


def run_redeploy(options: argparse.Namespace) -> int:
    """Without a file, `--set` changes the deployment as it is."""
    if options.file:
        run_deploy(options)
        return 0
    if not options.name or not options.endpoint_name:
        say("atelier: name the deployment by --name and --endpoint-name, or in a file.")
        return 2
    from app.sdk import files

    with connect(options) as client:
        found = client.batch_endpoints.deployment(options.endpoint_name, options.name)
        changed = files.change(found, options.set)
        made = client.batch_endpoints.deploy(changed, set_default=options.set_default)
        print_one(made, DEPLOYMENT, options.output)
    return 0


def run_deployments(options: argparse.Namespace) -> None:
    with connect(options) as client:
        columns = ("name", "type", "model", "component", "compute", "created_by", "created_at")
        rows = client.batch_endpoints.deployments(options.endpoint_name)[: options.max_results]
        print_list(rows, columns, options.output, f"Endpoint {options.endpoint_name} has no deployment yet.")


def run_deployment(options: argparse.Namespace) -> None:
    with connect(options) as client:
        found = client.batch_endpoints.deployment(options.endpoint_name, options.name)
    if options.output == "table":
        print_one(found, DEPLOYMENT, options.output)
    else:
        print_raw(found, options.output)


def run_deployment_jobs(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = client.batch_endpoints.jobs(options.endpoint_name, options.max_results, options.name)
        print_list(rows, JOB, options.output, f"Deployment {options.name} was not invoked yet.")


def run_undeploy(options: argparse.Namespace) -> int:
    if not is_sure(options, f"deployment {options.name} of {options.endpoint_name}"):
        return 1
    with connect(options) as client:
        client.batch_endpoints.delete_deployment(options.endpoint_name, options.name)
    say(f"Deployment {options.name} is deleted; its jobs stay.")
    return 0
