"""`atelier environment`: register, list and archive environments, and build one before a job asks for it."""

import argparse
import sys
import time
from pathlib import Path

from app.cli import nouns, registries
from app.cli.connecting import connect
from app.cli.versioned import Asset

ENVIRONMENTS = Asset(
    "environment",
    "environments",
    lambda client: client.environments,
    (
        "id", "name", "version", "stage", "description", "labels", "tags", "archived", "image", "conda_file", "build",
        "inference_config", "created_by", "created_at",
    ),
    in_registries=True,
)  # fmt: skip


def register(commands: argparse._SubParsersAction) -> None:
    environment = nouns.Noun(commands, "environment", "environments: what jobs run in")
    create = environment.verb("create", "register an environment as a new version", run_create)
    nouns.add_file(create, required=False)
    nouns.add_name(create, "name of the environment", required=False)
    create.add_argument("--version", "-v", help="version (default: the next number)")
    create.add_argument("--conda-file", "-c", help="conda file, or requirements file of pip")
    create.add_argument("--image", "-i", help="container image; a table says what stands for it")
    create.add_argument("--build-context", "-b", help="folder of a Dockerfile")
    create.add_argument("--dockerfile-path", "-d", help="the Dockerfile in that folder (default: Dockerfile)")
    create.add_argument("--description")
    nouns.add_changes(create)
    nouns.add_tags(create)
    nouns.add_left(create, "--datastore", "--os-type", "-t")
    registries.add_registry(create)
    ENVIRONMENTS.register(environment)
    build = environment.local_verb("build", "build an environment on this machine", run_build)
    build.add_argument("--file", "-f", type=Path, help="conda or requirements file (default: the curated environment)")
    build.add_argument("--name", "-n", help="a curated environment, instead of the first")
    build.add_argument("--folder", type=Path, help="where environments are kept (default: as the settings say)")
    build.add_argument(
        "--print-python", action="store_true", help="print the path of its interpreter alone on standard output"
    )


def run_create(options: argparse.Namespace) -> None:
    definition, folder = nouns.definition(options, "name", "version", "image", "description")
    # Flags are relative to the working folder, paths of the file to the file.
    if options.conda_file:
        definition["conda_file"] = str(Path(options.conda_file).resolve())
    if options.build_context:
        definition["build"] = {"path": str(Path(options.build_context).resolve())}
    if options.dockerfile_path:
        definition.setdefault("build", {})["dockerfile_path"] = options.dockerfile_path
    with connect(options) as client:
        ENVIRONMENTS.made(client, client.environments.define(definition, folder), options)


def run_build(options: argparse.Namespace) -> int:
    from app.environments import builder
    from app.settings import current

    spec = _spec(options.file, options.name)
    root = (options.folder or current().environments_folder).expanduser().resolve()
    started = time.monotonic()

    def log(line: str) -> None:
        print(f"  {time.monotonic() - started:5.1f} s  {line}", file=sys.stderr, flush=True)

    if builder.find(spec, root) is None:
        print(f"Building the environment {spec.name} (once) …", file=sys.stderr, flush=True)
    python = builder.build(spec, root, log)
    print(python if options.print_python else f"Environment {spec.name} is ready: {python.parent.parent}")
    return 0


def _spec(file: Path | None, name: str | None):
    """Raises BadFile or Invalid for a bad file, and NotFound for a curated environment that there is not."""
    from app.environments import curated
    from app.environments.conda import definition_of
    from app.environments.resolving import named_as, of_conda
    from app.environments.specification import EnvironmentSpec
    from app.errors import NotFound
    from app.sdk.requirement_files import read_with_named

    if name and name not in curated.environments():
        raise NotFound(f"There is no curated environment {name!r}; there is {', '.join(curated.environments())}.")
    if file is None:
        return EnvironmentSpec.curated(name=name)
    return named_as(of_conda(definition_of(read_with_named(file), file.name)))
