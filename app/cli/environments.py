"""`atelier environment`: build what jobs run in before the first job asks for it."""

import argparse
import sys
import time
from pathlib import Path


def register(commands: argparse._SubParsersAction) -> None:
    text = "environments: what jobs run in"
    verbs = commands.add_parser("environment", help=text, description=f"{text.capitalize()}.").add_subparsers(
        metavar="VERB", required=True
    )
    build = verbs.add_parser(
        "build", help="build the curated environment", description="Build an environment on this machine."
    )
    build.add_argument("--file", "-f", type=Path, help="conda file (default: the curated environment)")
    build.add_argument("--folder", type=Path, help="where environments are kept (default: as the settings say)")
    build.add_argument(
        "--print-python", action="store_true", help="print the path of its interpreter alone on standard output"
    )
    build.set_defaults(run=run_build)


def run_build(options: argparse.Namespace) -> int:
    from app.environments import builder
    from app.settings import current

    spec = _spec(options.file)
    root = (options.folder or current().environments_folder).expanduser().resolve()
    started = time.monotonic()

    def log(line: str) -> None:
        print(f"  {time.monotonic() - started:5.1f} s  {line}", file=sys.stderr, flush=True)

    if builder.find(spec, root) is None:
        print(f"Building the environment {spec.name} (once) …", file=sys.stderr, flush=True)
    python = builder.build(spec, root, log)
    print(python if options.print_python else f"Environment {spec.name} is ready: {python.parent.parent}")
    return 0


def _spec(file: Path | None):
    """Raises Invalid for a conda file that cannot be read."""
    from app.environments.conda import definition_of
    from app.environments.resolving import named_as, of_conda
    from app.environments.specification import EnvironmentSpec
    from app.errors import Invalid

    if file is None:
        return EnvironmentSpec.curated()
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file}: it cannot be read: {error}", target="file") from error
    return named_as(of_conda(definition_of(text, file.name)))
