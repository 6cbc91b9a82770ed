"""`atelier export` and `atelier import bundle`: experiments as files."""

import argparse
from pathlib import Path

from app.cli import nouns
from app.cli.connecting import add_server, connect, say
from app.cli.printing import print_import
from app.cli.progress import Progress

EXPORT = """Writes experiments, with all that belongs to them, as one bundle: runs with params, tags, metrics and
their history, artifacts, logs, outputs and code, logged models, traces with spans and assessments, and the model
versions that were registered from them. Secrets are left out. The same content makes the same file, byte for byte."""
IMPORT = """Brings a bundle here, from this server or another, without a network. Its checksums are verified before
anything is written. What is here already is neither doubled nor changed, and the same command goes on where an
import stopped."""


def register_export(commands: argparse._SubParsersAction) -> None:
    export = commands.add_parser("export", help="write experiments as one bundle", description=EXPORT)
    export.add_argument("experiment", nargs="*", metavar="EXPERIMENT", help="name of an experiment")
    export.add_argument(
        "--run", action="append", default=[], dest="runs", metavar="RUN", help="a run, instead of experiments"
    )
    export.add_argument("--file", "-o", type=Path, metavar="FILE", help="bundle to write (default: NAME.atelier)")
    add_server(export)
    export.set_defaults(run=run_export)


def register(noun: nouns.Noun) -> None:
    verb = noun.verb("bundle", "bring a bundle that `atelier export` wrote", run_import)
    verb.description = IMPORT
    verb.epilog = "Exit status 1 says that something could not come."
    verb.add_argument("file", type=Path, metavar="FILE", help="the bundle")
    verb.add_argument("--check", action="store_true", help="only verify the bundle; write nothing")


def run_export(options: argparse.Namespace) -> None:
    from app.sdk.bundle_export import fetch
    from app.sdk.errors import ClientError

    named = options.experiment or options.runs
    if not named:
        raise ClientError("Name an experiment to export, or a run with --run. `atelier job list` shows both.")
    file = options.file or Path(named[0].replace("/", "-") + ".atelier")
    progress = Progress()
    with connect(options) as client:
        try:
            size = fetch(client.transport, file, options.experiment, options.runs, progress)
        finally:
            progress.end()
    say(f"{file}: {size:,} bytes")


def run_import(options: argparse.Namespace) -> int:
    from app.sdk.bundle_import import BundleImport
    from app.sdk.bundles import Bundle
    from app.sdk.mlflow_stores.report import Report
    from app.sdk.mlflow_stores.sending import Sender

    report, progress = Report(), Progress()
    with Bundle(options.file) as bundle:
        try:
            bundle.verify(progress)
            if not options.check:
                with connect(options) as client:
                    sender = Sender(client.transport, is_dry=False)
                    BundleImport(bundle, sender, client.upload, report, progress).run()
        except KeyboardInterrupt:
            say("Interrupted. The same command goes on where it stopped.")
            raise
        finally:
            progress.end()
    if options.check:
        say(f"{options.file} is whole and as its checksums say.")
        return 0
    print_import(report, options.output)
    return 0 if report.is_whole else 1
