"""Scores compiled models in this process: ONNX Runtime, with what came in meanwhile as one batch.

Only bodies that are plainly rows of numbers of the model's shape are taken; every other one goes to the model's
own scoring server, which says what is wrong with it or knows what to make of it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.endpoints.gateway.graph import Graph
from app.endpoints.gateway.marks import Mark, Marks
from app.kit.storage import store

log = logging.getLogger(__name__)
FORMS = ("input_data", "dataframe_split", "inputs", "instances")
MOST_ROWS = 256
"""Of one batch; a request that has more is a batch of its own."""
INLINE_SECONDS = 0.0005
"""What is expected to take longer is computed in a thread, so that no other endpoint waits for it."""
GRAPHS_BYTES = 512 * 2**20
"""What the graphs of one process may have together; beyond that models are scored by their own servers."""
RETRY_SECONDS = 30
LEFT_ALONE_SECONDS = 600
QUIET_SECONDS = 60

Done = Callable[[bytes | None], None]


@dataclass(frozen=True)
class Compiled:
    """A graph in the artifact store. `input` and `output` are described in `app/endpoints/compilation.py`."""

    key: str
    bytes: int
    input: Mapping[str, Any] = field(hash=False, compare=False)
    output: Mapping[str, Any] = field(hash=False, compare=False)


class Engine:
    """One compiled model; belongs to one event loop.

    `batched` is how many requests were scored together with the one that `done` is called for.
    """

    def __init__(self, compiled: Compiled, graph: bytes, threads: ThreadPoolExecutor, mark: Mark) -> None:
        """`mark` is set while ONNX Runtime is at work. Raises whatever that does of a graph that it cannot load."""
        self._mark = mark
        mark.set()
        try:
            self._graph = Graph(graph, compiled.input, compiled.output)
        finally:
            mark.clear()
        self._columns = compiled.input["columns"]
        self._records = compiled.output["columns"]
        self._threads = threads
        self._waiting: list[tuple[list, bool, Done]] = []
        self._is_due = False
        self._comes_singly = True
        self._key, self._quiet_until = compiled.key, 0.0
        # A first guess that lets the first request show what a row takes.
        self._row_seconds, self._run_seconds = 0.0, 0.0

    def read(self, body: bytes, content_type: bytes) -> list | None:
        """What look like rows, or None where the scoring server has to look at the body."""
        if content_type[:16] not in (b"application/json", b"") or b"true" in body or b"false" in body:
            return None
        try:
            sent = orjson.loads(body)
        except ValueError:
            return None
        rows = sent if type(sent) is list else self._rows(sent)
        if type(rows) is not list or not rows or type(rows[0]) is not list or len(rows[0]) != self._graph.shape[0]:
            return None
        return rows

    def _rows(self, sent: Any) -> Any:
        if type(sent) is not dict or len(sent) != 1:
            return None
        form, value = next(iter(sent.items()))
        if form not in FORMS:
            return None
        if type(value) is not dict:
            return value if form != "dataframe_split" else None
        if form not in ("input_data", "dataframe_split") or not value.keys() <= {"columns", "index", "data"}:
            return None
        columns = value.get("columns")
        return value["data"] if columns is None or columns == self._columns else None

    def submit(self, rows: list, wrapped: bool, done: Done) -> None:
        """`done` gets the body of the answer, or None where the scoring server has to answer.

        Nothing waits while nothing is at work: what one look at the sockets brought is one batch, and what
        comes while a batch is computed is the next. As long as requests come one by one they do not even wait
        for the end of the look.
        """
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._flush)
            if self._comes_singly and self._run_seconds + len(rows) * self._row_seconds < INLINE_SECONDS:
                self.batched = 1
                done(self._compute([(rows, wrapped, done)])[0])
                return
        self._waiting.append((rows, wrapped, done))

    def _flush(self) -> None:
        batch, count = [], 0
        while self._waiting and (not batch or count + len(self._waiting[0][0]) <= MOST_ROWS):
            batch.append(self._waiting.pop(0))
            count += len(batch[-1][0])
        self._comes_singly = len(batch) < 2
        if not batch:
            self._is_due = False
        elif self._run_seconds + count * self._row_seconds < INLINE_SECONDS:
            self._finish(batch, self._compute(batch))
        else:
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._compute, batch)
            work.add_done_callback(lambda ended: self._finish(batch, ended.result()))

    def _finish(self, batch: list, bodies: list[bytes | None]) -> None:
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._is_due = False
        self.batched = len(batch)
        for (_, _, done), body in zip(batch, bodies, strict=True):
            done(body)

    def _compute(self, batch: list) -> list[bytes | None]:
        rows = batch[0][0] if len(batch) == 1 else [row for found, _, _ in batch for row in found]
        # Of this thread: what other work of the machine takes says nothing of the model.
        started = time.thread_time()
        try:
            self._mark.set()
            try:
                output = self._graph.predict(rows)
            finally:
                self._mark.clear()
            if output is None:
                # One that is wrong costs the others their batch, not their answer.
                return [None] if len(batch) == 1 else [self._compute([one])[0] for one in batch]
            self._learn(len(rows), time.thread_time() - started)
            if len(batch) == 1:
                return [self._encode(output, batch[0][1])]
            bodies, place = [], 0
            for found, wrapped, _ in batch:
                bodies.append(self._encode(output[place : place + len(found)], wrapped))
                place += len(found)
        except Exception:
            # What fails once may fail with each request.
            if time.monotonic() >= self._quiet_until:
                self._quiet_until = time.monotonic() + QUIET_SECONDS
                log.exception("compiled model %s failed; the model itself answers", self._key)
            return [None] * len(batch)
        return bodies

    def _learn(self, count: int, seconds: float) -> None:
        """Moving averages: of what a run takes by itself, from the small ones, and of what a row adds."""
        if count <= 4:
            self._run_seconds += 0.1 * (seconds - self._run_seconds)
        else:
            self._row_seconds += 0.1 * (max(0.0, seconds - self._run_seconds) / count - self._row_seconds)

    def _encode(self, output: list, wrapped: bool) -> bytes:
        if self._records is not None:
            output = [dict(zip(self._records, row, strict=True)) for row in output]
        return orjson.dumps({"predictions": output} if wrapped else output)


class Engines:
    """The compiled models of one process, loaded when their route first comes by."""

    def __init__(self, processors: int, marks: Marks | None = None) -> None:
        """What was at work when the process before this one ended is left to its own scoring server for a while."""
        self._marks = marks or Marks()
        self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
        self._threads = ThreadPoolExecutor(max(1, processors), thread_name_prefix="score")
        self._loaded: dict[Compiled, Engine] = {}
        self._failed: dict[Compiled, float] = {}
        self._loading: dict[Compiled, asyncio.Task] = {}

    def of(self, compiled: Compiled) -> Engine | None:
        """None while it is loaded, and where it cannot be."""
        found = self._loaded.get(compiled)
        if found is None and compiled not in self._loading and self._failed.get(compiled, 0.0) < time.monotonic():
            self._loading[compiled] = asyncio.get_running_loop().create_task(self._load(compiled))
        return found

    async def _load(self, compiled: Compiled) -> None:
        try:
            held = sum(known.bytes for known in (*self._loaded, *self._loading))
            if held > GRAPHS_BYTES:
                raise MemoryError(f"compiled models would have {held} bytes; {GRAPHS_BYTES} are allowed")
            if self._marks.is_fatal(compiled.key) and time.monotonic() < self._left_alone_until:
                raise RuntimeError("it was at work when the gateway before this one ended")
            self._loaded[compiled] = await asyncio.to_thread(self._read, compiled)
        except Exception as error:
            log.warning("compiled model %s is not served: %s", compiled.key, error)
            self._failed[compiled] = time.monotonic() + RETRY_SECONDS
        finally:
            self._loading.pop(compiled, None)

    def _read(self, compiled: Compiled) -> Engine:
        return Engine(compiled, store().read_bytes(compiled.key), self._threads, self._marks.of(compiled.key))

    def keep_only(self, wanted: set[Compiled]) -> None:
        """Load what is served, so that no request waits for it, and drop what is served no more."""
        for known in [known for known in (*self._loaded, *self._failed) if known not in wanted]:
            self._loaded.pop(known, None)
            self._failed.pop(known, None)
            self._marks.drop(known.key)
        for compiled in wanted:
            self.of(compiled)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
