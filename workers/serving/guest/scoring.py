"""Routes of a scoring server, and the limits that they are served under."""

import asyncio
import hmac
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from . import openapi
from .errors import MethodNotAllowed, NotFound, NotReady, ScoringError, TimedOut, TooBusy, Unauthorized
from .wire import Request, Response

log = logging.getLogger("scoring")
STUCK_SECONDS = 60


class Model(Protocol):
    """Scripts, which have headers and statuses of their own, have `answer(request)` in place of `score`."""

    inputs: list[dict]
    outputs: list[dict]

    def score(self, raw: bytes, content_type: str, *, wrapped: bool) -> bytes: ...


@dataclass(frozen=True)
class Limits:
    """`queued` is how many requests may wait for one of the `concurrent` that are scored at a time."""

    timeout_seconds: float
    concurrent: int
    queued: int


class ScoringApp:
    def __init__(self, key: str, limits: Limits) -> None:
        self.model: Model | None = None
        self._key, self._limits = key, limits
        self._pool = ThreadPoolExecutor(limits.concurrent, thread_name_prefix="score")
        self._slots = asyncio.Semaphore(limits.concurrent)
        self._waiting = 0
        self.in_flight = 0
        self._abandoned: dict[asyncio.Future, float] = {}

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._route(request)
        except ScoringError as error:
            return refusal(error)

    async def _route(self, request: Request) -> Response:
        given = request.headers.get("x-atelier-instance-key", "")
        if not hmac.compare_digest(given.encode("latin-1"), self._key.encode()):
            raise Unauthorized("The header x-atelier-instance-key is missing or wrong.")
        if request.path in ("/score", "/invocations"):
            if request.method != "POST":
                raise MethodNotAllowed(f"{request.method} {request.path}: expected POST.")
            return await self._score(request)
        return self._describe(request)

    def _describe(self, request: Request) -> Response:
        if request.method != "GET":
            raise MethodNotAllowed(f"{request.method} {request.path}: expected GET.")
        if request.path == "/live":
            return self._live()
        if request.path not in ("/ready", "/swagger.json"):
            raise NotFound(f"{request.path}: expected /score, /invocations, /swagger.json, /live or /ready.")
        if self.model is None:
            raise NotReady("The model is being loaded.")
        if request.path == "/ready":
            return Response(200, b'{"status":"ready"}')
        described = openapi.describe(self.model.inputs, self.model.outputs, *getattr(self.model, "samples", ()))
        return Response(200, json.dumps(described).encode())

    def _live(self) -> Response:
        """Not alive when every slot has long been held by a request that was given up."""
        longest = time.monotonic() - STUCK_SECONDS - self._limits.timeout_seconds
        stuck = sum(since < longest for since in self._abandoned.values())
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
        if self._slots.locked():
            if self._waiting >= self._limits.queued:
                raise TooBusy(f"{self._limits.concurrent} requests are scored and {self._waiting} wait. Try again.")
            self._waiting += 1
            try:
                await self._slots.acquire()
            finally:
                self._waiting -= 1
        else:
            await self._slots.acquire()
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._work, self.model, request)
        # The slot is free when the thread is, which may be long after the client was answered.
        work.add_done_callback(self._free)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():
                self._abandoned[work] = time.monotonic()
            raise

    def _free(self, work: asyncio.Future) -> None:
        self._slots.release()
        self._abandoned.pop(work, None)
        if not work.cancelled():
            # An error of a request that was given up is nobody's any more.
            work.exception()

    @staticmethod
    def _work(model: Model, request: Request) -> Response:
        if hasattr(model, "answer"):
            return model.answer(request)
        content_type = request.headers.get("content-type", "")
        return Response(200, model.score(request.body, content_type, wrapped=request.path == "/invocations"))


def refusal(error: ScoringError) -> Response:
    headers = {"retry-after": str(error.retry_after)} if error.retry_after else {}
    return Response(error.status, json.dumps(error.body()).encode(), headers)


def refuse(status: int, message: str) -> Response:
    """Answers what never became a request."""
    code = {413: "PayloadTooLarge", 500: "ScoringFailed"}.get(status, "BadRequest")
    return Response(status, json.dumps({"error": {"code": code, "message": message, "target": None}}).encode())
