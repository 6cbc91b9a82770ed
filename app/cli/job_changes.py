"""`atelier job move|copy|tag|untag|archive|delete|restore`: what is done to jobs, by name or to all of a query."""

import argparse

from app.cli import changing, nouns, opening
from app.cli.connecting import connect, say
from app.cli.printing import print_one

UPDATED = ("name", "display_name", "status", "description", "tags")
VERBS = {
    "move": "put jobs into another experiment",
    "copy": "copy jobs, with all that they logged, into an experiment",
    "tag": "set a tag of jobs",
    "untag": "take a tag from jobs",
    "archive": "archive jobs",
    "delete": "delete jobs, until they are restored",
    "restore": "bring back jobs that were deleted or archived",
}


def register(job: nouns.Noun) -> None:
    for name, text in VERBS.items():
        verb = job.verb(name, text, run)
        verb.set_defaults(action=name)
        verb.add_argument("--name", "-n", nargs="+", action="extend", default=[], help="names of the jobs")
        verb.add_argument(
            "--matching",
            metavar="QUERY",
            help="all that a query of the run table's address selects, such as experiment=x",
        )
        if name in ("move", "copy"):
            verb.add_argument("--experiment-name", required=True, help="experiment that they go to")
        if name in ("move", "copy", "delete", "restore"):
            verb.add_argument("--no-children", action="store_true", help="leave the jobs below them")
        if name == "tag":
            verb.add_argument("--tag", required=True, metavar="NAME=VALUE")
        if name == "untag":
            verb.add_argument("--tag", required=True, metavar="NAME")
    update = job.verb("update", "change the name on display, the description and the tags of a job", run_update)
    nouns.add_name(update, "name of the job")
    update.add_argument("--display-name", help="the new name on display")
    changing.add_said(update)
    opening.add_web(update)
    update.add_argument("--web", "-e", action="store_true", help="open its page in a browser")


def run_update(options: argparse.Namespace) -> None:
    with connect(options) as client:
        changes = changing.changes(client.job(options.name), options)
        if options.display_name is not None:
            changes["display_name"] = options.display_name
        changed = client.change_job(options.name, **changes)
        if options.web:
            opening.open_page(client.page(f"/jobs/{options.name}"))
        print_one(changed, UPDATED, options.output)


def run(options: argparse.Namespace) -> None:
    given: dict = {"children": not getattr(options, "no_children", False)}
    if getattr(options, "experiment_name", None):
        given["experiment"] = options.experiment_name
    if getattr(options, "tag", None):
        given["key"], _, given["value"] = options.tag.partition("=")
    with connect(options) as client:
        done = client.act_on_jobs(options.action, options.name, query=options.matching, **given)
        if done["operation"]:
            say(f"A worker goes on with operation {done['operation']['id']}, of {done['operation']['total']} jobs.")
        print_one(done, ("names",), options.output)
