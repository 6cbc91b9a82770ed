"""`atelier online-endpoint`: addresses that score, their traffic and keys."""

import argparse
import sys
from pathlib import Path
from typing import Any

from app.cli import local_endpoints, nouns, opening
from app.cli.changing import changes
from app.cli.confirming import add_yes, is_sure
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one
from app.errors import Unsupported

ENDPOINT = (
    "name",
    "auth_mode",
    "provisioning_state",
    "traffic",
    "mirror_traffic",
    "scoring_uri",
    "openapi_uri",
    "description",
    "tags",
    "created_by",
    "created_at",
)
COLUMNS = ("name", "auth_mode", "traffic", "scoring_uri", "created_at")
METRICS = ("deployment", "requests", "refused", "failed", "p50_ms", "p95_ms", "p99_ms", "mean_cpus")
REQUEST = ("time", "request_id", "deployment", "action", "status", "milliseconds", "key")
NAMED = "name of the endpoint"
SHARES = ("traffic", "mirror_traffic")


def register(commands: argparse._SubParsersAction) -> None:
    endpoint = nouns.Noun(commands, "online-endpoint", "online endpoints: addresses that score")
    create = endpoint.verb("create", "make an endpoint", run_create)
    nouns.add_file(create, required=False)
    nouns.add_name(create, NAMED, required=False)
    create.add_argument("--auth-mode", choices=("key", "aml_token", "aad_token"))
    nouns.add_changes(create)
    update = _register_update(endpoint)
    listing = endpoint.verb("list", "list endpoints", run_list)
    nouns.add_limit(listing)
    show = endpoint.verb("show", "describe an endpoint", run_show)
    delete = endpoint.verb("delete", "delete an endpoint and its deployments", run_delete)
    for verb in (show, delete):
        nouns.add_name(verb, NAMED)
    add_yes(delete)
    invoke = _register_invoke(endpoint)
    for verb in (create, listing, show, delete, invoke):
        local_endpoints.add_local(verb)
    for verb in (create, update, show):
        opening.add_web(verb)
    _register_keys(endpoint)
    _register_watching(endpoint)


def _register_update(endpoint: nouns.Noun) -> argparse.ArgumentParser:
    update = endpoint.verb("update", "change the traffic, description or tags of an endpoint", run_update)
    nouns.add_file(update, required=False)
    nouns.add_name(update, f"{NAMED}, instead of the file's", required=False)
    update.add_argument("--traffic", "-r", help="shares in per cent, such as 'blue=90 green=10'")
    update.add_argument(
        "--mirror-traffic", help="who gets copies of how many in a hundred requests, such as 'green=10'"
    )
    update.add_argument("--roll-back", action="store_true", help="go back to the traffic before its last change")
    update.add_argument("--description", help="the new description")
    nouns.add_updates(update)
    nouns.add_left(update, "--defaults", "--local")
    return update


def _register_invoke(endpoint: nouns.Noun) -> argparse.ArgumentParser:
    invoke = endpoint.verb("invoke", "score a request and print the answer", run_invoke)
    nouns.add_name(invoke, NAMED)
    invoke.add_argument(
        "--request-file", "-r", type=Path, required=True, help="JSON file with the request; - reads standard input"
    )
    invoke.add_argument("--deployment-name", "-d", help="ask this deployment, whatever the traffic rules say")
    return invoke


def _register_keys(endpoint: nouns.Noun) -> None:
    for name, text in (("get-credentials", "print the keys of an endpoint, or a token for it"), ("list-keys", "")):
        nouns.add_name(endpoint.verb(name, text or "as get-credentials", run_keys), NAMED)
    renew = endpoint.verb("regenerate-keys", "replace a key of an endpoint; the other stays valid", run_renew)
    nouns.add_name(renew, NAMED)
    renew.add_argument("--key-type", choices=("primary", "secondary"), default="primary", help="default: primary")
    renew.add_argument("--key-value", help=argparse.SUPPRESS)


def _register_watching(endpoint: nouns.Noun) -> None:
    metrics = endpoint.verb("get-metrics", "print requests, errors and latency of each deployment", run_metrics)
    metrics.add_argument(
        "--range", choices=("1h", "24h", "7d", "30d"), default="1h", help="over how long (default: 1h)"
    )
    requests = endpoint.verb("get-requests", "print the access log, the newest request first", run_requests)
    requests.add_argument("--lines", "-l", type=int, default=50, help="how many requests at most (default: 50)")
    requests.add_argument("--status", default="", help="only these, such as 503 or 5xx")
    requests.add_argument("--request-id", default="", help="only the one with this x-ms-request-id")
    for verb in (metrics, requests):
        nouns.add_name(verb, NAMED)
        verb.add_argument("--deployment-name", "-d", default="", help="only of this deployment")


def _print(made: dict, options: argparse.Namespace, client=None) -> None:
    if options.web and client:
        opening.open_page(client.page(f"/endpoints/{made['name']}"))
    for warning in made.pop("warnings", []):
        say(f"Warning: {warning}")
    print_one(made, ENDPOINT, options.output)


def run_create(options: argparse.Namespace) -> None:
    definition, _ = nouns.definition(options, "name", "auth_mode")
    if options.local:
        _print(local_endpoints.create_endpoint(definition), options)
        return
    with connect(options) as client:
        _print(client.create_endpoint(definition), options, client)


def run_update(options: argparse.Namespace) -> int:
    try:
        wanted = {field: _shares(field, text) for field in SHARES if (text := getattr(options, field)) is not None}
    except ValueError as error:
        say(f"atelier: {error}")
        return 2
    given, _ = nouns.definition(argparse.Namespace(file=options.file, name=options.name), "name")
    name = given.pop("name", None)
    is_change = bool(wanted or given or options.set or options.description is not None)
    if not name or is_change == options.roll_back:
        say("atelier: name an endpoint, and either what to change, by --file, --set or --traffic, or --roll-back.")
        return 2
    with connect(options) as client:
        if options.roll_back:
            _print(client.roll_back_endpoint(name), options, client)
            return 0
        set_fields = changes(client.endpoint(name), options) if options.set or options.description is not None else {}
        _print(client.change_endpoint(name, **given | set_fields | wanted), options, client)
    return 0


def _shares(field: str, text: str) -> dict[str, Any]:
    shares = dict(part.partition("=")[::2] for part in text.replace(",", " ").split())
    if not all(share.isdigit() for share in shares.values()):
        raise ValueError(f"--{field.replace('_', '-')} {text!r}: write it as 'blue=90 green=10'.")
    return {name: int(share) for name, share in shares.items()}


def run_list(options: argparse.Namespace) -> None:
    if options.local:
        print_list(local_endpoints.endpoints(), COLUMNS, options.output, "There is no endpoint on this machine.")
        return
    with connect(options) as client:
        print_list(client.endpoints(options.max_results), COLUMNS, options.output, "There is no endpoint yet.")


def run_show(options: argparse.Namespace) -> None:
    if options.local:
        _print(local_endpoints.endpoint(options.name), options)
        return
    with connect(options) as client:
        _print(client.endpoint(options.name), options, client)


def run_delete(options: argparse.Namespace) -> int:
    if not is_sure(options, f"endpoint {options.name} and its deployments"):
        return 1
    if options.local:
        local_endpoints.delete_endpoint(options.name)
    else:
        with connect(options) as client:
            client.delete_endpoint(options.name)
    say(f"Endpoint {options.name} is deleted.")
    return 0


def run_keys(options: argparse.Namespace) -> None:
    with connect(options) as client:
        found = client.credentials(options.name)
        print_one(found, list(found), options.output)


def run_renew(options: argparse.Namespace) -> None:
    if options.key_value:
        raise Unsupported("--key-value: keys are made by the server and never chosen; leave it out.")
    with connect(options) as client:
        found = client.regenerate_key(options.name, options.key_type)
        print_one(found, list(found), options.output)


def run_metrics(options: argparse.Namespace) -> None:
    with connect(options) as client:
        found = client.endpoint_metrics(options.name, options.range)
    rows = [
        {"deployment": name, **measured} for name, measured in found.items() if options.deployment_name in ("", name)
    ]
    if options.output == "table":
        rows = [_in_milliseconds(row) for row in rows]
    print_list(rows, METRICS, options.output, f"Nothing was asked of {options.name} in the last {options.range}.")


def _in_milliseconds(row: dict) -> dict:
    found = {name: row[f"{name}_seconds"] for name in ("p50", "p95", "p99")}
    shown = {f"{name}_ms": f"{value * 1000:.3g}" for name, value in found.items() if value is not None}
    return {**row, "deployment": row["deployment"] or "(none)", **shown}


def run_requests(options: argparse.Namespace) -> None:
    narrowed = {"deployment": options.deployment_name, "status": options.status, "request_id": options.request_id}
    with connect(options) as client:
        found = client.endpoint_requests(options.name, options.lines, **narrowed)
    print_list(found, REQUEST, options.output, f"There is no such request of {options.name}.")


def run_invoke(options: argparse.Namespace) -> int:
    if str(options.request_file) == "-":
        body = sys.stdin.buffer.read()
    elif options.request_file.is_file():
        body = options.request_file.read_bytes()
    else:
        say(f"atelier: --request-file: there is no file {options.request_file}.")
        return 2
    if options.local:
        answer = local_endpoints.invoke(options.name, body, options.deployment_name)
    else:
        with connect(options) as client:
            answer = client.invoke(options.name, body, options.deployment_name)
    print(answer.decode(errors="replace"))
    return 0
