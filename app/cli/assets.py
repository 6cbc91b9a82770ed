"""`atelier data` and `atelier model`: register, list, describe and fetch assets."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from app.cli import changing, nouns, registries
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one, print_raw

COLUMNS = ("name", "version", "type", "description", "created_by", "created_at")
DATA = (
    "name",
    "version",
    "type",
    "path",
    "description",
    "tags",
    "file_count",
    "size_bytes",
    "created_by",
    "created_at",
)
MODEL = (
    "id", "name", "version", "type", "source", "job", "stage", "aliases", "description", "tags", "flavors",
    "file_count", "size_bytes", "created_by", "created_at",
)  # fmt: skip
PROFILE = ("name", "type", "missing", "distinct", "min", "mean", "max")
IMPORT = (
    "nothing is imported from databases and buckets here: a job that connects to them writes an output that is "
    "registered (`outputs.x.name`), or `atelier data create --path https://…` names the files."
)
MOUNT = (
    "nothing is mounted on this machine: give the data to a job as an input of the mode ro_mount, or read it in Python "
    "by the address on its page."
)
MOUNT_FLAGS = ("--path", "--mount-point", "--mode", "--persistent")
PACKAGE = (
    "no image is built of a model: `atelier online-deployment create` serves it in its environment, which is built "
    "once and kept, and `atelier model download` fetches its files."
)
GIVEN = ("name", "version", "type", "path", "description")


def register(commands: argparse._SubParsersAction) -> None:
    data = nouns.Noun(commands, "data", "data assets")
    _register_create(data, "data asset", run_data_create, ("uri_file", "uri_folder", "mltable"))
    listing = data.verb("list", "list data assets, or the versions of one", run_data_list)
    nouns.add_name(listing, "list the versions of this data asset", required=False)
    nouns.add_limit(listing)
    nouns.add_archived(listing)
    registries.add_registry(listing)
    show = data.verb("show", "describe a version, by default the newest", run_data_show)
    _add_version(show, "data asset", or_label=True)
    registries.add_registry(show)
    registries.add_share(data, "data", "data asset")
    profile = data.verb(
        "profile", "describe the columns of a table, by default of the newest version", run_data_profile
    )
    _add_version(profile, "data asset")
    profile.add_argument("--path", default="", help="one file of a folder (default: all tables of one kind together)")
    _register_archive(data, "data asset", lambda client: client.data_assets, DATA)
    given = ("--file", "-f", "--name", "-n", "--version", "-v", "--description", "--type", "--path", "--datastore")
    data.refused("import", "say how data comes from elsewhere", IMPORT, *given, "--connection", "--query", "--tags",
                 "--set")  # fmt: skip
    status = ("--name", "-n", "--max-results", "-r", "--all-results", "--archived-only", "--include-archived")
    data.refused("list-materialization-status", "say how data comes from elsewhere", IMPORT, *status)
    data.refused("mount", "say how data is read here", MOUNT, *MOUNT_FLAGS)
    model = nouns.Noun(commands, "model", "registered models")
    create = _register_create(model, "model", run_model_create, ("custom_model", "mlflow_model", "triton_model"))
    create.add_argument("--stage", "-s", help="stage of the new version, such as Production")
    listing = model.verb("list", "list models, or the versions of one", run_model_list)
    listing.add_argument("--stage", "-s", help="only those of which the version is in this stage")
    nouns.add_name(listing, "list the versions of this model", required=False)
    nouns.add_limit(listing)
    nouns.add_archived(listing)
    registries.add_registry(listing)
    show = model.verb("show", "describe a version, by default the newest", run_model_show)
    _add_version(show, "model", or_label=True)
    registries.add_registry(show)
    registries.add_share(model, "models", "model")
    _register_archive(model, "model", lambda client: client.registered_models, MODEL)
    packaged = ("--name", "-n", "--version", "-v", "--file", "-f", "--label", "-l", "--registry-name", "--set")
    model.refused("package", "say how a model is made ready to serve", PACKAGE, *packaged)
    download = model.verb("download", "fetch the files of a version, by default the newest", run_model_download)
    _add_version(download, "model")
    registries.add_registry(download)
    download.add_argument("--download-path", "-p", type=Path, help="folder to write into (default: the model's name)")


def _register_archive(noun: nouns.Noun, what: str, calls: Callable, fields: Sequence[str]) -> None:
    changing.add_update(noun, what, calls, fields)

    kind = "data" if what == "data asset" else "models"

    def run(verb: str) -> nouns.Run:
        return lambda options: changing.set_archived(options, kind, calls, fields, verb)

    for verb, text in (
        ("archive", f"take a {what}, or one version, out of the lists"),
        ("restore", "bring back what was archived"),
    ):
        parser = noun.verb(verb, text, run(verb))
        nouns.add_name(parser, f"name of the {what}")
        parser.add_argument("--version", "-v", help="one version")
        parser.add_argument("--label", "-l", help="the version that has this label, such as latest")
        registries.add_registry(parser)


def _register_create(noun: nouns.Noun, what: str, run: nouns.Run, types: tuple[str, ...]) -> argparse.ArgumentParser:
    create = noun.verb("create", f"register a {what} from a file, folder or address", run)
    nouns.add_file(create, required=False)
    nouns.add_name(create, f"name of the {what}", required=False)
    registries.add_registry(create)
    nouns.add_changes(create)
    nouns.add_tags(create)
    nouns.add_left(create, "--datastore")
    create.add_argument("--version", "-v", help="version (default: the next number)")
    create.add_argument("--type", "-t", choices=types)
    create.add_argument("--path", "-p", help="local path, azureml://…, runs:/… or https://…")
    create.add_argument("--description", "-d")
    return create


def _add_version(parser: argparse.ArgumentParser, what: str, *, or_label: bool = False) -> None:
    nouns.add_name(parser, f"name of the {what}")
    parser.add_argument("--version", "-v", help="version (default: the newest)")
    if or_label:
        parser.add_argument("--label", "-l", help="the version that has this label, such as latest")


def run_data_create(options: argparse.Namespace) -> None:
    definition, folder = nouns.definition(options, *GIVEN)
    with connect(options) as client:
        made = client.create_data(definition, folder)
        print_one(registries.shared(client, "data", made, options), DATA, options.output)


def _listed(client, options: argparse.Namespace, kind: str, calls):
    """Assets, or the versions of one, of the workspace or of the registry that is named."""
    if options.registry_name and options.name:
        return client.registries.versions(options.registry_name, kind, options.name, options.max_results)
    if options.registry_name:
        return client.registries.assets(options.registry_name, kind, options.max_results)
    if options.name:
        return calls.versions(options.name, options.max_results)
    return nouns.listed(calls.list, options)


def run_data_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = _listed(client, options, "data", client.data_assets)
        print_list(rows, COLUMNS, options.output, "There is no data asset yet.")


def run_data_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        if options.registry_name:
            found = client.registries.asset(options.registry_name, "data", options.name, options.version)
        else:
            version = options.label and changing.newest(client.data_assets, options.name, options.label)
            found = client.data_asset(options.name, options.version or version)
        print_one(found, ("id", *DATA), options.output)


def run_data_profile(options: argparse.Namespace) -> None:
    """A table of the columns; the other formats have all that is known of them."""
    with connect(options) as client:
        found = client.data_assets.profile(options.name, options.version, options.path)
    if options.output != "table":
        print_raw(found, options.output)
        return
    print_list(found["columns"], PROFILE, options.output, "There are no columns.")
    cut = "the first " if found["is_cut"] else ""
    left_out = f"; {found['left_out']:,} lines could not be read, of which {found['why']}" if found["left_out"] else ""
    files = "1 file" if found["files"] == 1 else f"{found['files']} files"
    say("\n".join([f"{cut}{found['rows']:,} rows in {files} ({found['format']}){left_out}", *found["notes"]]))


def run_model_create(options: argparse.Namespace) -> None:
    definition, folder = nouns.definition(options, *GIVEN)
    with connect(options) as client:
        made = client.create_model(definition, folder)
        if stage := options.stage or definition.get("stage"):
            made = client.registered_models.change(made["name"], made["version"], stage=stage)
        _print_model(registries.shared(client, "models", made, options), options.output)


def run_model_list(options: argparse.Namespace) -> None:
    with connect(options) as client:
        rows = _listed(client, options, "models", client.registered_models)
        if options.stage:
            rows = (row for row in rows if str(row.get("stage")).lower() == options.stage.lower())
        print_list(rows, COLUMNS, options.output, "There is no model yet.")


def run_model_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        _print_model(_model(client, options), options.output)


def _print_model(model: dict, output: str) -> None:
    shown = model if output != "table" else model | {"flavors": list(model.get("flavors") or {})}
    print_one(shown, MODEL, output)


def _model(client, options: argparse.Namespace) -> dict:
    """A version. The answer about a whole model names its newest version, or is that version already."""
    if getattr(options, "registry_name", None):
        return client.registries.asset(options.registry_name, "models", options.name, options.version)
    label = getattr(options, "label", None)
    version = options.version or (label and changing.newest(client.registered_models, options.name, label))
    found = client.model(options.name, version)
    if version or found.get("version"):
        return found
    newest = found.get("latest_version") or max((int(item["version"]) for item in found.get("versions", [])), default=1)
    return client.model(options.name, str(newest))


def run_model_download(options: argparse.Namespace) -> None:
    with connect(options) as client:
        version = str(_model(client, options)["version"])
        folder = client.download_model(options.name, version, options.download_path or Path(options.name))
    say(f"Version {version} of {options.name} is in {folder}")
