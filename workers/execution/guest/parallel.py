"""Runs a parallel step: gives the mini-batches of an input to processes that have the user's entry script.

Standard library alone, under the interpreter of any environment; pandas only for rows. Started as
`parallel.py CONFIG [ARGUMENTS]` it cuts the input and leads; it starts itself again with `--process` for each
process, and with `--join` for each on another instance. CONFIG is a JSON file, see `workers/execution/parallel.py`.
The entry script has `run(mini_batch)`, and may have `init()` before the first and `shutdown()` after the last. `run`
may take a second argument, the context.
"""

import importlib.util
import inspect
import json
import os
import socket
import sys
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)
import followers  # noqa: E402
from leader import Failed, Leader, Process  # noqa: E402
from mini_batches import batch_of  # noqa: E402

# The user's own modules may be called as ours are.
sys.path.remove(FOLDER)
for _name in ("followers", "kept_rows", "leader", "mini_batches", "pieces", "progress"):
    sys.modules.pop(_name)


class Context:
    """What `run` may ask of a mini-batch."""

    def __init__(self, index, partition):
        self.mini_batch_id = self.minibatch_index = index
        self.partition_key_value = partition


# The process that has the entry script.


def serve(config, arguments, link, is_remote=False):
    sys.argv = [config["entry"], *arguments]
    os.environ.update(config.get("environment") or {})
    say, hear = link.makefile("w"), link.makefile("r")
    try:
        if config["tabular"]:
            import pandas  # noqa: F401 - imported before the clock of the first mini-batch runs
        script = load(config["entry"])
        if hasattr(script, "init"):
            script.init()
        takes_context = len(inspect.signature(script.run).parameters) > 1
    except BaseException:
        answer(say, {"broken": traceback.format_exc()})
        return 1
    answer(say, {"ready": True})
    watch = followers.Watch(link) if is_remote else None
    theirs = json.loads(hear.readline())["input"] if is_remote else config["input"]
    for line in hear:
        task = json.loads(line)
        if watch:
            watch.is_busy, task = True, followers.here(task, theirs, config["input"])
        found = scored(script, task, takes_context)
        if watch:
            watch.is_busy, found["wrote"] = False, any(map(os.listdir, config["folders"]))
        answer(say, found)
    if hasattr(script, "shutdown"):
        script.shutdown()
    return 0


def scored(script, task, takes_context):
    try:
        context = [Context(task["index"], task.get("partition"))] if takes_context else []
        return rows_of(script.run(batch_of(task), *context))
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def answer(say, message):
    sys.stdout.flush()
    say.write(json.dumps(message) + "\n")
    say.flush()


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("entry_script", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry_script"] = module
    spec.loader.exec_module(module)
    if not hasattr(module, "run"):
        raise AttributeError(f"{path} has no function `run(mini_batch)`")
    return module


def rows_of(result):
    """What `run` answered as lines of text, and how many items that were."""
    if result is None:
        return {"rows": [], "count": 0}
    if hasattr(result, "to_csv"):
        text = result.to_csv(sep=" ", header=False, index=False)
        return {"rows": text.splitlines(), "count": len(result)}
    items = [result] if isinstance(result, (str, bytes, dict)) else list(result)
    return {"rows": [str(item) for item in items], "count": len(items)}


def lead(config, config_path, arguments):
    if not os.path.isfile(config["entry"]):
        print("entry_script: there is no file {!r} in the code.".format(config["entry"]), file=sys.stderr)
        return 1
    if config["rank"]:
        return followers.follow(config, followers.command_of(os.path.abspath(__file__), config_path, arguments))
    try:
        Leader(config, lambda: Process.start(os.path.abspath(__file__), config_path, arguments)).run()
    except Failed as error:
        print(f"RuntimeError: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def main():
    first = sys.argv[1]
    at = {"--process": 3, "--join": 2}.get(first, 1)
    with open(sys.argv[at]) as file:
        config = json.load(file)
    arguments = sys.argv[at + 1 :]
    if first == "--process":
        return serve(config, arguments, socket.socket(fileno=int(sys.argv[2])))
    if first == "--join":
        return serve(config, arguments, followers.connect(config), is_remote=True)
    return lead(config, sys.argv[at], arguments)


if __name__ == "__main__":
    sys.exit(main())
