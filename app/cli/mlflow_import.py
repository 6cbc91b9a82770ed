"""`atelier import mlflow`: brings a store of MLflow here."""

import argparse
from contextlib import closing
from pathlib import Path

from app.cli import nouns
from app.cli.connecting import connect, say
from app.cli.printing import print_import
from app.cli.progress import Progress

DESCRIPTION = """Brings what an MLflow store holds: experiments, runs with params, tags and the whole history of
metrics, datasets, artifacts, logged models, traces with assessments, registered models with versions, stages and
aliases, and prompts. Runs keep their ids, times and users. The store is read where this command runs, and is not
changed. The same command again goes on where it stopped, or brings what is new since then; nothing comes twice."""
SOURCES = "folder (./mlruns), sqlite:///mlflow.db, postgresql://user:password@host/database, or http(s)://server"


def register(noun: nouns.Noun) -> None:
    verb = noun.verb("mlflow", "bring an MLflow store with all that it holds", run_mlflow)
    verb.description = DESCRIPTION
    verb.epilog = (
        "A server is asked with the user and password in its address, or MLFLOW_TRACKING_TOKEN, or "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. Exit status 1 says that something could not come."
    )
    verb.add_argument("--from", dest="source", metavar="URI", required=True, help=SOURCES)
    verb.add_argument(
        "--experiment", action="append", default=[], metavar="NAME",
        help="only this experiment, by name or id, and models made from it; may be given several times",
    )  # fmt: skip
    verb.add_argument("--no-artifacts", action="store_true", help="leave artifacts where they are")
    verb.add_argument(
        "--artifacts-root", metavar="FOLDER",
        help="folder or s3://bucket/prefix where artifacts lie, when the store gives mlflow-artifacts: or old paths",
    )  # fmt: skip
    verb.add_argument(
        "--from-workspace", default="default", metavar="NAME", help="workspace of MLflow (default: %(default)s)"
    )
    verb.add_argument("--dry-run", action="store_true", help="read all and say what would come; write nothing")
    verb.add_argument(
        "--state", type=Path, metavar="FILE", help="where it is kept what has come (default: one a store)"
    )


def run_mlflow(options: argparse.Namespace) -> int:
    from app.sdk.errors import ClientError
    from app.sdk.mlflow_stores.opening import open_store
    from app.sdk.mlflow_stores.records import Unreadable
    from app.sdk.mlflow_stores.report import Report

    report = Report()
    root, workspace = options.artifacts_root, options.from_workspace
    try:
        with closing(open_store(options.source, artifacts_root=root, workspace=workspace, note=report.note)) as store:
            _bring(options, store, report)
    except (Unreadable, OSError) as error:
        raise ClientError(str(error)) from error
    except KeyboardInterrupt:
        say("Interrupted. The same command goes on where it stopped.")
        raise
    print_import(report, options.output, dry_run=options.dry_run)
    return 0 if report.is_whole else 1


def _bring(options: argparse.Namespace, store, report) -> None:
    from app.sdk.mlflow_import import MlflowImport
    from app.sdk.mlflow_stores.sending import Sender
    from app.sdk.mlflow_stores.state import State, default_file

    progress = Progress()
    with connect(options) as client:
        file = options.state or default_file(client.url, client.workspace, store.identity)
        state = State(None if options.dry_run else file)
        try:
            MlflowImport(
                store,
                Sender(client.transport, is_dry=options.dry_run),
                report,
                state,
                wanted=options.experiment,
                with_files=not options.no_artifacts,
                progress=progress,
            ).run()
        finally:
            progress.end()
            state.close()
