"""Runs a parallel step: gives the mini-batches of an input to processes that have the user's entry script.

Standard library alone, under the interpreter of any environment; pandas only for rows. Started as
`parallel.py CONFIG [ARGUMENTS]` it cuts the input and leads; it starts itself again with `--process` for each
process. CONFIG is a JSON file, see `workers/execution/parallel.py`. The entry script has `run(mini_batch)`, and
may have `init()` before the first and `shutdown()` after the last. `run` may take a second argument, the context.
"""

import importlib.util
import inspect
import json
import os
import select
import socket
import subprocess
import sys
import time
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)
from mini_batches import batch_of, tasks_of  # noqa: E402

# The user's own modules may be called as ours are.
sys.path.remove(FOLDER)

READY_SECONDS = 600


class Context:
    """What `run` may ask of a mini-batch."""

    def __init__(self, index, partition):
        self.mini_batch_id = self.minibatch_index = index
        self.partition_key_value = partition


# The process that has the entry script.


def serve(config, arguments, link):
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
    for line in hear:
        task = json.loads(line)
        try:
            context = [Context(task["index"], task.get("partition"))] if takes_context else []
            answer(say, rows_of(script.run(batch_of(task), *context)))
        except Exception as error:
            traceback.print_exc()
            answer(say, {"error": f"{type(error).__name__}: {error}"})
    if hasattr(script, "shutdown"):
        script.shutdown()
    return 0


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


# The leader.


class Process:
    """One process with the entry script, as the leader sees it. `task` is what it is busy with."""

    def __init__(self, config_path, arguments):
        ours, theirs = socket.socketpair()
        self.link, self.unread, self.task, self.is_ready = ours, b"", None, False
        self.since = time.monotonic()
        command = [sys.executable, "-u", os.path.abspath(__file__), "--process", str(theirs.fileno()), config_path]
        self.popen = subprocess.Popen([*command, *arguments], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()

    def give(self, task):
        self.task, self.since = task, time.monotonic()
        self.link.sendall((json.dumps(task) + "\n").encode())

    def hear(self):
        """The next message; None when there is none yet, and {} when the process is gone."""
        try:
            data = self.link.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            return {}
        self.unread += data
        line, found, rest = self.unread.partition(b"\n")
        if not found:
            return None
        self.unread = rest
        return json.loads(line)

    def end(self, kill=False):
        """Ask it to end, and wait for its `shutdown()`."""
        if kill:
            self.popen.kill()
        self.link.close()
        return self.popen.wait()


class Failed(Exception):
    """The step cannot go on; said in one sentence."""


class Leader:
    def __init__(self, config, config_path, arguments):
        self.config, self.start = config, lambda: Process(config_path, arguments)
        self.processes, self.waiting, self.next_rows, self.held = [], [], 0, {}
        self.done = self.failed = self.lost_items = 0
        self.started = self.told = time.monotonic()
        self.out = open(config["append_to"], "w") if config["append_to"] else None

    def run(self, tasks):
        """Give every task to a process until all are done or too many failed."""
        self.tasks = iter(tasks)
        try:
            for _ in range(self.config["concurrency"]):
                self.processes.append(self.start())
            self.fill()
            while any(process.task or not process.is_ready for process in self.processes):
                self.listen()
            for process in self.processes:
                if process.end() != 0:
                    raise Failed("`shutdown()` of the entry script failed.")
            self.processes = []
        finally:
            for process in self.processes:
                process.end(kill=True)
            if self.out:
                self.out.close()
        self.tell(True)

    def following(self):
        return self.waiting.pop() if self.waiting else next(self.tasks, None)

    def fill(self):
        for process in self.processes:
            if process.is_ready and process.task is None:
                task = self.following()
                if task is not None:
                    process.give(task)

    def listen(self):
        links = {process.link: process for process in self.processes}
        for link in select.select(list(links), [], [], 0.5)[0]:
            process = links[link]
            message = process.hear()
            if message is not None:
                self.take(process, message)
        self.end_overdue()
        self.fill()
        self.tell(False)

    def take(self, process, message):
        if "broken" in message:
            print(message["broken"], file=sys.stderr, flush=True)
            raise Failed("The entry script could not be started: " + message["broken"].strip().splitlines()[-1])
        if not message:
            code = process.end(kill=True)
            if not process.is_ready:
                raise Failed(f"A process ended with code {code} before the entry script was ready.")
            self.replace(process, f"the process ended with code {code}")
        elif message.get("ready"):
            process.is_ready = True
        else:
            task, process.task = process.task, None
            self.settle(task, message)

    def end_overdue(self):
        for process in list(self.processes):
            limit = self.config["timeout_seconds"] if process.is_ready else READY_SECONDS
            if (process.task or not process.is_ready) and time.monotonic() - process.since > limit:
                process.end(kill=True)
                if not process.is_ready:
                    raise Failed(f"`init()` of the entry script took longer than {limit} seconds.")
                self.replace(process, f"it took longer than {limit} seconds")

    def replace(self, process, cause):
        self.processes[self.processes.index(process)] = self.start()
        if process.task:
            self.settle(process.task, {"error": cause})

    def settle(self, task, message):
        """Keep the rows of a mini-batch, try it again, or count it as failed."""
        if "error" in message:
            task["attempt"] = task.get("attempt", 0) + 1
            said = (task["index"], task["attempt"], message["error"])
            print("Mini-batch {} failed, attempt {}: {}".format(*said), flush=True)
            if task["attempt"] <= self.config["max_retries"]:
                self.waiting.append(task)
                return
            self.failed += 1
            self.lost_items += task["count"]
            self.keep(task["index"], [])
        else:
            self.done += 1
            self.lost_items += max(0, task["count"] - message["count"])
            self.keep(task["index"], message["rows"])
        self.check()

    def check(self):
        most, items = self.config["mini_batch_error_threshold"], self.config["error_threshold"]
        if 0 <= most < self.failed:
            raise Failed(f"{self.failed} mini-batches failed; mini_batch_error_threshold is {most}.")
        if 0 <= items < self.lost_items:
            raise Failed(f"{self.lost_items} items failed; error_threshold is {items}.")

    def keep(self, index, rows):
        """Rows are written in the order of the mini-batches, whatever is done first."""
        self.held[index] = rows
        while self.next_rows in self.held:
            for row in self.held.pop(self.next_rows):
                if self.out:
                    self.out.write(row + "\n")
            self.next_rows += 1

    def tell(self, is_end):
        if is_end or time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            seconds = self.told - self.started
            print(f"{self.done} mini-batches done, {self.failed} failed, {seconds:.1f} s", flush=True)


def lead(config_path, arguments):
    with open(config_path) as file:
        config = json.load(file)
    if not os.path.isfile(config["entry"]):
        print("entry_script: there is no file {!r} in the code.".format(config["entry"]), file=sys.stderr)
        return 1
    try:
        Leader(config, config_path, arguments).run(tasks_of(config))
    except Failed as error:
        print(f"RuntimeError: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def main():
    if sys.argv[1] == "--process":
        link = socket.socket(fileno=int(sys.argv[2]))
        with open(sys.argv[3]) as file:
            config = json.load(file)
        return serve(config, sys.argv[4:], link)
    return lead(sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
