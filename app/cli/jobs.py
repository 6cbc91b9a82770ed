"""`atelier job`: submit, watch, cancel and fetch jobs."""

import argparse
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from app.cli import job_changes, nouns, opening, ssh
from app.cli.connecting import connect, say
from app.cli.printing import print_list, print_one

COLUMNS = (
    "name", "display_name", "experiment_name", "status", "created_by", "created_at", "duration_seconds", "waiting",
)  # fmt: skip
SERVICES = ("name", "type", "status", "endpoint", "error")
FIELDS = (
    "name", "display_name", "type", "status", "waiting", "error", "experiment_name", "description", "tags",
    "component", "command", "environment", "runs_in", "compute", "queue", "priority", "inputs", "outputs", "created_by",
    "created_at", "started_at", "ended_at", "duration_seconds", "exit_code", "attempt", "url",
)  # fmt: skip


def register(commands: argparse._SubParsersAction) -> None:
    job = nouns.Noun(commands, "job", "jobs: commands that a worker runs, and runs logged with MLflow")
    create = job.verb("create", "submit a job file", run_create)
    nouns.add_file(create)
    nouns.add_name(create, "name of the job, instead of the file's", required=False)
    nouns.add_changes(create)
    create.add_argument(
        "--stream", "-s", action="store_true", help="follow its log to the end; exit with 1 if it fails"
    )
    create.add_argument("--save-as", "-a", type=Path, metavar="FILE", help="write what was submitted to a YAML file")
    opening.add_web(create)
    validate = job.verb("validate", "say what is wrong with a job file, and submit nothing", run_validate)
    nouns.add_file(validate)
    nouns.add_changes(validate)
    listing = job.verb("list", "list jobs, newest first", run_list)
    nouns.add_limit(listing)
    nouns.add_archived(listing)
    listing.add_argument(
        "--all-results", action="store_const", const=None, dest="max_results", help="all of them, however many"
    )
    listing.add_argument("--status", action="append", help="only jobs in this state; may be given several times")
    listing.add_argument("--experiment-name", help="only jobs of this experiment")
    listing.add_argument("--tag", help="only jobs with this tag: NAME or NAME=VALUE")
    listing.add_argument("--scheduled-job-name", metavar="SCHEDULE", help="only jobs that this schedule submitted")
    listing.add_argument("--schedule-defined", action="store_true", help="only jobs that schedules submitted")
    nouns.add_left(listing, "--asset-name")
    listing.add_argument(
        "--parent-job-name", "-p", help="only steps of this pipeline, trials of this sweep or nested runs"
    )
    show = job.verb("show", "describe a job", run_show)
    nouns.add_name(show, "name of the job")
    opening.add_web(show)
    nouns.add_name(job.verb("stream", "follow the log of a job to its end", run_stream), "name of the job")
    services = job.verb("show-services", "list a job's interactive services", run_services)
    nouns.add_name(services, "name of the job")
    nouns.add_left(services, "--node-index", "-i")
    sign_in = job.verb("connect-ssh", "sign in to a running job that has a service of the type ssh", ssh.run_connect)
    nouns.add_name(sign_in, "name of the job")
    sign_in.add_argument("--node-index", "-i", type=int, default=0, help="the instance; only the first has services")
    sign_in.add_argument("--private-key-file-path", "-f", "-p", metavar="FILE", help="the key to sign in with")
    sign_in.add_argument("remote_command", nargs="*", metavar="COMMAND", help="what to run instead of a shell")
    nouns.add_name(job.verb("cancel", "cancel a job", run_cancel), "name of the job")
    retry = job.verb("retry", "go on from the failed steps of a pipeline", run_retry)
    nouns.add_name(retry, "name of the pipeline job")
    priority = job.verb("priority", "change whose turn it is, while a job waits", run_priority)
    nouns.add_name(priority, "name of the job")
    priority.add_argument("priority", choices=("high", "medium", "low"), help="high goes first")
    priority.add_argument("--queue", help="move it into this queue")
    job_changes.register(job)
    download = job.verb("download", "fetch the artifacts and logs of a job", run_download)
    nouns.add_name(download, "name of the job")
    download.add_argument("--download-path", "-p", type=Path, help="folder to write into (default: the job's name)")
    download.add_argument("--output-name", help="fetch this output only, into named-outputs/NAME")
    download.add_argument("--all", action="store_true", help="fetch the outputs too, each into named-outputs/NAME")


def run_create(options: argparse.Namespace) -> int:
    changes = [*options.set, *([f"name={options.name}"] if options.name else [])]
    with connect(options) as client:
        job = client.create_job(options.file, changes)
        for warning in job["warnings"]:
            say(f"Warning: {warning}")
        if options.save_as:
            options.save_as.write_text(client.job_yaml(job["name"]))
        if options.web:
            opening.open_page(_page(client, job["name"]))
        if not options.stream:
            _print(client, job, options.output)
            return 0
        say(f"Job {job['name']}: {_page(client, job['name'])}")
        return _follow(client, job["name"])


def run_validate(options: argparse.Namespace) -> None:
    with connect(options) as client:
        found = client.validate_job(options.file, options.set)
    for warning in found["warnings"]:
        say(f"Warning: {warning}")
    print_one({"result": "Succeeded"} | found, ("result", "type", "warnings"), options.output)


def _print(client, job: dict, output: str) -> None:
    page = _page(client, job["name"])
    places = {"Studio": page, "Tracking": client.page("")}
    services = {name: {"endpoint": place, "type": name} for name, place in places.items()}
    shown = job | {"url": page, "services": services}
    if output == "table":
        shown["inputs"] = {name: port.get("value", port.get("path")) for name, port in job["inputs"].items()}
        shown["outputs"] = {name: port["type"] for name, port in job["outputs"].items()}
        shown["error"] = (job["error"] or {}).get("message")
        shown["waiting"] = (job["waiting"] or {}).get("reason")
    print_one(shown, FIELDS, output)


def _page(client, name: str) -> str:
    return client.page(f"/jobs/{name}")


def _follow(client, name: str) -> int:
    """Log lines to standard output, states to standard error; 1 unless the job completes."""
    job, line_is_open = {}, False
    for change in client.follow_job(name):
        if change.text:
            print(change.text, end="", flush=True)
            line_is_open = not change.text.endswith("\n")
        if change.job:
            job = change.job
            if line_is_open:
                print(flush=True)
                line_is_open = False
            say(f"{job['status']}")
    if job.get("error"):
        say(f"atelier: {job['error']['message']}")
        if job["error"].get("detail"):
            say(job["error"]["detail"])
    return 0 if job.get("status") == "Completed" else 1


def run_list(options: argparse.Namespace) -> None:
    narrowed = {"status": options.status, "experiment": options.experiment_name, "tag": options.tag}
    narrowed["parent"] = options.parent_job_name
    with connect(options) as client:
        if options.scheduled_job_name or options.schedule_defined:
            rows = _scheduled(client, options)
        else:
            rows = nouns.listed(client.jobs, options, **{name: value for name, value in narrowed.items() if value})
        if options.output == "table":
            rows = (job | {"waiting": (job["waiting"] or {}).get("reason")} for job in rows)
        print_list(rows, COLUMNS, options.output, "There is no job yet. Submit one with: atelier job create -f job.yml")


def _scheduled(client, options: argparse.Namespace) -> Iterator[dict]:
    """Jobs that schedules submitted, those of each newest first."""
    named = options.scheduled_job_name
    schedules = [named] if named else [row["name"] for row in client.schedules.list()]
    runs = chain.from_iterable(client.schedules.runs(name) for name in schedules)
    names = (row["job"] for row in runs if row.get("job"))
    return (client.job(name) for name in islice(names, options.max_results))


def run_show(options: argparse.Namespace) -> None:
    with connect(options) as client:
        job = client.job(options.name)
        if options.web:
            opening.open_page(_page(client, job["name"]))
        _print(client, job, options.output)


def run_stream(options: argparse.Namespace) -> int:
    with connect(options) as client:
        return _follow(client, options.name)


def run_services(options: argparse.Namespace) -> None:
    with connect(options) as client:
        none = "The job has started no services. Ask for them with `services:` in its file."
        print_list(client.job_services(options.name), SERVICES, options.output, none)


def run_cancel(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.cancel_job(options.name), ("name", "status"), options.output)


def run_retry(options: argparse.Namespace) -> None:
    with connect(options) as client:
        print_one(client.retry_job(options.name), ("name", "status"), options.output)


def run_priority(options: argparse.Namespace) -> None:
    changes = {"priority": options.priority, **({"queue": options.queue} if options.queue else {})}
    with connect(options) as client:
        print_one(client.change_job(options.name, **changes), ("name", "status", "queue", "priority"), options.output)


def run_download(options: argparse.Namespace) -> None:
    with connect(options) as client:
        folder = options.download_path or Path(options.name)
        outputs = list(client.job(options.name)["outputs"]) if options.all else []
        outputs += [options.output_name] if options.output_name else []
        written = client.download_job(options.name, folder) if options.all or not outputs else []
        for output in dict.fromkeys(outputs):
            written += client.download_output(options.name, output, folder / "named-outputs" / output)
    say(f"{len(written)} files in {folder}")
