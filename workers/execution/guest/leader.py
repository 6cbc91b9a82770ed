"""Leads the processes of a parallel step: who scores what, what is tried again, and when it is too much.

Standard library alone, under the interpreter of any environment. A process answers each task on its link, a line of
JSON each way.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time

import followers
from kept_rows import KeptRows
from mini_batches import fingerprint, tasks_of, total_of
from pieces import records
from progress import Progress

READY_SECONDS = 600
# Rows of mini-batches that are done before earlier ones are, after which no new ones are given out.
HELD_BYTES = 64 << 20


class Process:
    """One process with the entry script, as the leader sees it. `task` is what it is busy with."""

    def __init__(self, link, popen=None):
        self.link, self.popen = link, popen
        self.unread, self.task, self.is_ready = b"", None, False
        self.since = time.monotonic()

    @classmethod
    def start(cls, script, config_path, arguments):
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-u", script, "--process", str(theirs.fileno()), config_path]
        popen = subprocess.Popen([*command, *arguments], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        return cls(ours, popen)

    def give(self, task):
        self.task, self.since = task, time.monotonic()
        self.link.sendall((json.dumps(task) + "\n").encode())

    def hear(self):
        """The next message; None when there is none yet, and {} when the process is gone."""
        try:
            data = self.link.recv(1 << 20)
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
        if kill and self.popen:
            self.popen.kill()
        self.link.close()
        return self.popen.wait() if self.popen else 0


class Failed(Exception):
    """The step cannot go on; said in one sentence."""


class Leader:
    def __init__(self, config, start):
        self.config, self.start = config, start
        self.processes, self.waiting, self.held, self.held_bytes = [], [], {}, 0
        self.is_exhausted, self.listener = False, followers.listen(config)
        tasks = tasks_of(config)
        kept = (config["append_to"], config["journal"], config["earlier"], fingerprint(config), config["folders"])
        self.rows = KeptRows(*kept)
        self.state = self.rows.state
        if self.state.next:
            print(f"Going on after {self.state.next} mini-batches and {self.state.rows} rows", flush=True)
        self.tasks = (task for task in tasks if task["index"] >= self.state.next)
        self.progress = Progress(config["progress"], total_of(config), self.state)

    def run(self):
        """Give every task to a process until all are done or too many failed."""
        try:
            for _ in range(self.config["concurrency"]):
                self.processes.append(self.start())
            self.fill()
            while self.is_at_work():
                self.listen()
            for process in self.processes:
                if process.end() != 0:
                    raise Failed("`shutdown()` of the entry script failed.")
            self.processes = []
        finally:
            if self.listener:
                self.listener.close()
            for process in self.processes:
                process.end(kill=True)
            self.rows.close()
            self.progress.tell(self.state, is_end=True)

    def is_at_work(self):
        """Whoever comes once there is nothing left is not waited for."""
        if self.waiting or not self.is_exhausted:
            return True
        return any(process.task or (process.popen and not process.is_ready) for process in self.processes)

    def following(self):
        if self.waiting:
            return self.waiting.pop()
        if self.held_bytes >= HELD_BYTES:
            return None
        task = next(self.tasks, None)
        self.is_exhausted = task is None
        return task

    def fill(self):
        for process in self.processes:
            if process.is_ready and process.task is None:
                task = self.following()
                if task is not None:
                    process.give(task)

    def listen(self):
        links = {process.link: process for process in self.processes}
        doors = [self.listener] if self.listener else []
        for link in select.select([*links, *doors], [], [], 0.5)[0]:
            if link is self.listener:
                admitted = followers.admit(self.listener, self.config)
                self.processes += [Process(admitted)] if admitted else []
                continue
            process = links[link]
            message = process.hear()
            if message is not None:
                self.take(process, message)
        self.end_overdue()
        self.fill()
        self.rows.look()
        self.progress.tell(self.state)

    def take(self, process, message):
        if "broken" in message:
            print(message["broken"], file=sys.stderr, flush=True)
            raise Failed("The entry script could not be started: " + message["broken"].strip().splitlines()[-1])
        if not message:
            code = process.end(kill=True)
            if not process.is_ready and process.popen:
                raise Failed(f"A process ended with code {code} before the entry script was ready.")
            self.replace(process, f"the process ended with code {code}")
        elif message.get("ready"):
            process.is_ready = True
        else:
            if message.get("wrote"):
                self.rows.stop()
            task, process.task = process.task, None
            self.settle(task, message)

    def end_overdue(self):
        for process in list(self.processes):
            limit = self.config["timeout_seconds"] if process.is_ready else READY_SECONDS
            if (process.task or not process.is_ready) and time.monotonic() - process.since > limit:
                process.end(kill=True)
                if not process.is_ready and process.popen:
                    raise Failed(f"`init()` of the entry script took longer than {limit} seconds.")
                self.replace(process, f"it took longer than {limit} seconds")

    def replace(self, process, cause):
        """Of another instance's, the new one comes by itself."""
        self.processes.remove(process)
        if process.popen:
            self.processes.append(self.start())
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
        self.keep(task, message)
        self.check()

    def check(self):
        """What failed counts at once, whatever else is still to be written before it."""
        held = self.held.values()
        failed = self.state.failed + sum("error" in message for _, message in held)
        lost = self.state.lost + sum(lost_of(task, message) for task, message in held)
        most, items = self.config["mini_batch_error_threshold"], self.config["error_threshold"]
        if 0 <= most < failed:
            raise Failed(f"{failed} mini-batches failed; mini_batch_error_threshold is {most}.")
        if 0 <= items < lost:
            raise Failed(f"{lost} items failed; error_threshold is {items}.")

    def keep(self, task, message):
        """Rows are written in the order of the mini-batches, whatever is done first."""
        self.held[task["index"]] = task, message
        self.held_bytes += size_of(message)
        while self.state.next in self.held:
            task, message = self.held.pop(self.state.next)
            self.held_bytes -= size_of(message)
            self.count(task, message)
            self.rows.write(self.numbered(task, message))

    def count(self, task, message):
        state, rows = self.state, message.get("rows", ())
        state.next += 1
        state.done += "error" not in message
        state.failed += "error" in message
        state.lost += lost_of(task, message)
        state.items += task["count"]
        state.rows += len(rows)
        state.bytes += task.get("bytes", 0)

    def numbered(self, task, message):
        """The rows, with their numbers where they are those of a part of a file."""
        rows, part_of = message.get("rows", ()), task.get("part_of")
        if part_of is None:
            return rows
        # Its name alone, as the folder is another one for a later attempt.
        part_of = os.path.relpath(part_of, self.config["input"])
        first = self.state.row if self.state.part_of == part_of else 0
        count = records(task["pieces"][0]) if "error" in message else len(rows)
        self.state.part_of, self.state.row = part_of, first + count
        return [f"{number},{row}" for number, row in enumerate(rows, first)]


def lost_of(task, message):
    """How many items of a mini-batch were not scored."""
    if "error" in message:
        return task["count"]
    return 0 if "pieces" in task else max(0, task["count"] - message["count"])


def size_of(message):
    return sum(len(row) for row in message.get("rows", ()))
