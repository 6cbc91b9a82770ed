"""The command `atelier`."""

import argparse
import re
import sys
from pathlib import Path

from app.cli import (
    assets,
    azure,
    batch,
    completion,
    components,
    compute,
    connecting,
    definitions,
    environments,
    experiments,
    jobs,
    online_deployments,
    online_endpoints,
    operate,
    registries,
    schedules,
    transfer,
    workspaces,
)
from app.errors import AtelierError

OK, FAILED, NOT_FOUND, INTERRUPTED = 0, 1, 3, 130


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="atelier",
        description="A machine-learning studio: start the server, submit jobs, register and deploy models.",
        epilog="`atelier NOUN VERB --help` describes a command. Exit status: 0 it worked, 1 it failed, "
        "2 wrong usage, 3 what it names is not there.",
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for module in (
        operate, workspaces, jobs, schedules, experiments, components, compute, assets, definitions, registries,
        online_endpoints, online_deployments, batch, environments, transfer, azure, completion,
    ):  # fmt: skip
        module.register(commands)
    return made


def main(arguments: list[str] | None = None) -> int:
    return _run(parser().parse_args(arguments))


def _run(options: argparse.Namespace, *, is_second: bool = False) -> int:
    file = getattr(options, "file", None)
    try:
        return options.run(options) or OK
    except AtelierError as error:
        return _fail(error, file)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain once more when it flushes.
        sys.stdout = None
        return OK
    except Exception as error:
        from app.sdk.errors import ClientError

        if not isinstance(error, ClientError):
            raise
        if error.status == 401 and not is_second and connecting.forget(options):
            # The kept token was revoked: with it gone, a new one is made.
            return _run(options, is_second=True)
        return _fail(error, file)


def _fail(error, file: object) -> int:
    print(f"atelier: {_placed(error.message, file)}", file=sys.stderr)
    for detail in error.details or []:
        print(f"  {_placed(str(detail), file)}", file=sys.stderr)
    return NOT_FOUND if error.status == 404 else FAILED


def _placed(message: str, file: object) -> str:
    """With the name of the file that was sent, which the server calls by what it holds."""
    if not isinstance(file, Path):
        return message
    return re.sub(
        r"^(?:compute|schedule|registry|component|environment)\.yml(?=:| line )", lambda _: file.name, message
    )


if __name__ == "__main__":
    sys.exit(main())
