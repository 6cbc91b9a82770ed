"""Routes of a scoring server, and the limits that they are served under."""

import asyncio
import hmac
import json
import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from . import answers, openapi
from .batching import MOST_REQUESTS, Batches, Given, attempt
from .errors import MethodNotAllowed, NotFound, NotReady, ScoringError, TimedOut, TooBusy, Unauthorized
from .inline import Done, Inline
from .wire import Request, Response

log = logging.getLogger("scoring")
STUCK_SECONDS = 60
SCORED = ("/score", "/invocations")
Waiting = tuple[Request, asyncio.Future]


class Model(Protocol):
    """Scripts, which have headers and statuses of their own, have `answer(request)` in place of these.

    `is_framework` says that none of it is code of the user's, which might need a thread of its own.
    """

    is_framework: bool

    inputs: list[dict]
    outputs: list[dict]

    def read(self, raw: bytes, content_type: str) -> Given: ...

    def predict(self, given: Given) -> Any: ...


@dataclass(frozen=True)
class Limits:
    """`queued` is how many requests may wait for one of the `concurrent` that are scored at a time.

    None waits longer than `queue_seconds`, where that is said.
    """

    timeout_seconds: float
    concurrent: int
    queued: int
    queue_seconds: float | None = None


class ScoringApp:
    def __init__(self, key: str, limits: Limits) -> None:
        self._model: Model | None = None
        self._batches: Batches | None = None
        self._inline: Inline | None = None
        self._key, self._limits = key.encode(), limits
        self._pool = ThreadPoolExecutor(limits.concurrent, thread_name_prefix="score")
        self._idle = limits.concurrent
        self._waiting: deque[Waiting] = deque()
        self._at_work: dict[asyncio.Future, float] = {}
        self.in_flight = 0

    @property
    def model(self) -> Model | None:
        return self._model

    @model.setter
    def model(self, model: Model) -> None:
        self._batches = None if hasattr(model, "answer") else Batches(model)
        if self._batches is not None and model.is_framework:
            self._inline = Inline(lambda requests: [_settled(found) for found in self._work(requests)])
        self._model = model

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._route(request)
        except ScoringError as error:
            return refusal(error)

    def quick(self, request: Request, done: Done) -> bool:
        """Whether it is answered by `done` with no task and no thread: by a model that has proved to be quick."""
        lane = self._inline
        if lane is None or not lane.is_quick or self._at_work or lane.waiting > self._limits.queued:
            return False
        if request.path not in SCORED or request.method != "POST" or not self._admits(request):
            return False
        self.in_flight += 1

        def answered(response: Response) -> None:
            self.in_flight -= 1
            done(response)

        lane.submit(request, answered)
        return True

    def _admits(self, request: Request) -> bool:
        given = request.headers.get("x-atelier-instance-key", "")
        return hmac.compare_digest(given.encode("latin-1"), self._key)

    async def _route(self, request: Request) -> Response:
        if not self._admits(request):
            raise Unauthorized("The header x-atelier-instance-key is missing or wrong.")
        if request.path in SCORED:
            if request.method == "GET" and self._is_health_check(request):
                return self._healthy()
            if request.method != "POST" and not self._takes_get(request):
                raise MethodNotAllowed(f"{request.method} {request.path}: expected POST.")
            return await self._score(request)
        return self._describe(request)

    def _takes_get(self, request: Request) -> bool:
        """Scripts do, as in Azure ML; of a model that is not there yet nobody knows."""
        if request.method != "GET" or request.path != "/score":
            return False
        return self.model is None or hasattr(self.model, "answer")

    def _is_health_check(self, request: Request) -> bool:
        """Azure's inference server answers at its root; where no script takes a GET, `/score` does so too."""
        return request.path == "/score" and not request.query and not self._takes_get(request)

    def _healthy(self) -> Response:
        if self.model is None:
            raise NotReady("The model is being loaded.")
        return Response(200, b"Healthy", content_type="text/html; charset=utf-8")

    def _describe(self, request: Request) -> Response:
        if request.method != "GET":
            raise MethodNotAllowed(f"{request.method} {request.path}: expected GET.")
        if request.path == "/live":
            return self._live()
        if request.path in ("/", "/score/"):
            return self._healthy()
        if request.path not in ("/ready", "/swagger.json"):
            raise NotFound(f"{request.path}: expected /score, /invocations, /swagger.json, /live or /ready.")
        if self.model is None:
            raise NotReady("The model is being loaded.")
        if request.path == "/ready":
            return Response(200, b'{"status":"ready"}')
        own = getattr(self.model, "own_description", lambda _: None)(request.query)
        if own is not None:
            return Response(200, own)
        described = openapi.describe(self.model.inputs, self.model.outputs, *getattr(self.model, "samples", ()))
        return Response(200, json.dumps(described).encode())

    def _live(self) -> Response:
        """Not alive when every thread has long been held by requests that were given up."""
        longest = time.monotonic() - STUCK_SECONDS - self._limits.timeout_seconds
        stuck = sum(since < longest for since in self._at_work.values())
        if stuck >= self._limits.concurrent:
            raise NotReady(f"All {stuck} requests at work have been for more than {STUCK_SECONDS} s past their time.")
        return Response(200, b'{"status":"live"}')

    async def _score(self, request: Request) -> Response:
        if self.model is None:
            raise NotReady("The model is being loaded.")
        started = time.perf_counter()
        self.in_flight += 1
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                response = await self._in_turn(request)
        except TimeoutError:
            raise TimedOut(f"Scoring took longer than {self._limits.timeout_seconds:g} s.") from None
        except ScoringError:
            raise
        except Exception as error:
            log.exception("scoring failed")
            raise ScoringError(f"{type(error).__name__}: {error}") from error
        finally:
            self.in_flight -= 1
        log.debug("%s %d bytes %.1f ms", request.path, len(request.body), (time.perf_counter() - started) * 1000)
        return response

    async def _in_turn(self, request: Request) -> Response:
        if not self._idle and len(self._waiting) >= self._limits.queued:
            message = f"{self._limits.concurrent} requests are scored and {len(self._waiting)} wait. Try again."
            raise TooBusy(message)
        waiting = (request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._dispatch()
        if self._limits.queue_seconds is not None:
            asyncio.get_running_loop().call_later(self._limits.queue_seconds, self._give_up, waiting)
        try:
            return await waiting[1]
        finally:
            if not waiting[1].done() or waiting[1].cancelled():
                with suppress(ValueError):
                    self._waiting.remove(waiting)

    def _give_up(self, waiting: Waiting) -> None:
        with suppress(ValueError):
            self._waiting.remove(waiting)
            waiting[1].set_exception(TooBusy(f"It waited {self._limits.queue_seconds:g} s for its turn. Try again."))

    def _dispatch(self) -> None:
        """Nothing waits while a thread is idle; what comes while all are at work is the next batch."""
        while self._idle and self._waiting:
            count = min(len(self._waiting), MOST_REQUESTS) if self._batches else 1
            batch = [self._waiting.popleft() for _ in range(count)]
            self._idle -= 1
            work = asyncio.get_running_loop().run_in_executor(self._pool, self._work, [request for request, _ in batch])
            self._at_work[work] = time.monotonic()
            work.add_done_callback(partial(self._finish, batch))

    def _finish(self, batch: list[Waiting], work: asyncio.Future) -> None:
        # The thread is free only now, which may be long after the clients were answered.
        self._idle += 1
        self._at_work.pop(work)
        self._dispatch()
        for (_, waiting), found in zip(batch, work.result(), strict=True):
            if waiting.done():
                continue
            if isinstance(found, Exception):
                waiting.set_exception(found)
            else:
                waiting.set_result(found)

    def _work(self, requests: list[Request]) -> list[Response | Exception]:
        """Each answer says how long its request waited, and how many were scored with it."""
        began = time.perf_counter()
        found = self._answers(requests)
        for request, one in zip(requests, found, strict=True):
            if isinstance(one, Response):
                one.headers["x-atelier-waited"] = f"{began - request.came:.6f}"
                one.headers["x-atelier-batch"] = str(len(requests))
        return found

    def _answers(self, requests: list[Request]) -> list[Response | Exception]:
        if self._batches is None:
            return [attempt(self._model.answer, request) for request in requests]
        started = time.perf_counter()
        given = [attempt(self._read, request) for request in requests]
        readable = [found for found in given if not isinstance(found, Exception)]
        predictions = iter(self._batches.predict(readable))
        found = [one if isinstance(one, Exception) else next(predictions) for one in given]
        if self._inline is not None:
            self._inline.learn(time.perf_counter() - started)
        return [
            one if isinstance(one, Exception) else attempt(_response, one, request)
            for one, request in zip(found, requests, strict=True)
        ]

    def _read(self, request: Request) -> Given:
        return self._model.read(request.body, request.headers.get("content-type", ""))


def _response(predictions: Any, request: Request) -> Response:
    return Response(200, answers.encode(answers.wrap(predictions, request.path == "/invocations")))


def _settled(found: Response | Exception) -> Response:
    if isinstance(found, Response):
        return found
    if isinstance(found, ScoringError):
        return refusal(found)
    log.error("scoring failed", exc_info=found)
    return refusal(ScoringError(f"{type(found).__name__}: {found}"))


def refusal(error: ScoringError) -> Response:
    headers = {"retry-after": str(error.retry_after)} if error.retry_after else {}
    return Response(error.status, json.dumps(error.body()).encode(), headers)


def refuse(status: int, message: str) -> Response:
    """Answers what never became a request."""
    code = {413: "PayloadTooLarge", 500: "ScoringFailed"}.get(status, "BadRequest")
    return Response(status, json.dumps({"error": {"code": code, "message": message, "target": None}}).encode())
