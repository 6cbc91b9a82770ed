"""What happens to one scoring request, whichever server took it: who may ask, who answers, what is counted."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from app.endpoints.gateway import cross_origin
from app.endpoints.gateway.asking import (
    GONE,
    JSON,
    OPTIONS,
    After,
    Answer,
    Ask,
    Before,
    Done,
    known,
    refusal,
    too_large,
)
from app.endpoints.gateway.client import AnswerBroken, Connection, ConnectionFailed, NotConnected, Pool, Reply
from app.endpoints.gateway.compiled import Engines
from app.endpoints.gateway.counters import COUNTERS, Counters
from app.endpoints.gateway.exchange import Exchange
from app.endpoints.gateway.forwarding import UpstreamFailed, checked, failure, passed_on, request_to
from app.endpoints.gateway.load import LOAD
from app.endpoints.gateway.routing import Route, RoutingTable, Upstream
from app.endpoints.gateway.waking import Waking
from app.errors import AtelierError, NotFound, Unauthenticated, Unavailable
from app.kit.ids import sortable

log = logging.getLogger(__name__)
BODY_BYTES = 16 * 2**20
# The scoring server answers a timeout itself, and better; this is for one that does not.
GRACE_SECONDS = 1.0

Chooser = Callable[[Route, Ask], str]


def by_header_or_traffic(route: Route, ask: Ask) -> str:
    asked = ask.headers.get(b"azureml-model-deployment")
    return route.choose(asked.decode("latin-1") if asked else None)


class Scoring:
    """Belongs to one event loop. Each of `before` may refuse, `choose` says who answers, `after` sees the answer.

    Each of `abandoned` sees requests whose client went away before.
    """

    def __init__(
        self,
        table: RoutingTable,
        *,
        body_limit: int = BODY_BYTES,
        counters: Counters = COUNTERS,
        engines: Engines | None = None,
    ) -> None:
        """`engines` score compiled models; without them every request goes to a scoring server."""
        self.table = table
        self.engines = engines
        self.pool = Pool()
        self.body_limit = body_limit
        self.choose: Chooser = by_header_or_traffic
        self.before: list[Before] = []
        self.after: list[After] = []
        self.abandoned: list[After] = []
        self.counters = counters
        self._left_over: set[asyncio.Task] = set()
        self._version = 0
        self._waking = Waking(table)

    def start(self, ask: Ask, done: Done) -> "Underway | asyncio.Task | None":
        """Call `done` once with the answer: at once, or later unless what is returned is cancelled before."""
        if given := ask.headers.get(b"x-ms-client-request-id"):
            named = given[:128].decode("latin-1")
            ask.request_id = named if named.isprintable() else ask.request_id
        ask.request_id = ask.request_id or sortable()
        try:
            ask.route = self._route(ask)
            if ask.method == OPTIONS:
                done(Answer(200, cross_origin.before(ask.route, ask.headers), b""))
                return None
            admitted = ask.route.admits(ask.headers.get(b"authorization", b""))
            if type(admitted) is bool:
                self._decide(ask, admitted)
                admitted = None
                if self._compute(ask, done):
                    return None
                if (underway := self._send(ask, done)) is not None:
                    return underway
        except AtelierError as error:
            self.end(ask, refusal(error, ask), done)
            return None
        return asyncio.get_running_loop().create_task(self.work(ask, admitted, done))

    def _route(self, ask: Ask) -> Route:
        if self._version != self.table.version:
            self._version = self.table.version
            self.pool.forget_all_but(self.table.addresses())
            if self.engines is not None:
                self.engines.keep_only(self.table.compiled())
        route = self.table.get(ask.workspace, ask.endpoint)
        if route is None:
            message = f"There is no online endpoint {ask.endpoint!r} in workspace {ask.workspace!r}."
            raise NotFound(message, target="endpoint")
        return route

    def _decide(self, ask: Ask, admitted: bool) -> None:
        if not admitted:
            raise Unauthenticated(
                f"The key for endpoint {ask.route.endpoint!r} is missing or wrong. Expected the header "
                "'Authorization: Bearer <key>' with one of its keys.",
                target="Authorization",
            )
        for look in self.before:
            look(ask)
        ask.deployment = self.choose(ask.route, ask)
        if len(ask.body) > self.body_limit:
            raise too_large(len(ask.body), self.body_limit)

    def copy(self, ask: Ask, deployment: str, done: After) -> None:
        """Have a deployment answer a request that another has answered; `done` gets the copy and its answer."""
        copy = replace(ask, deployment=deployment, mirrored=True, said=(), started=time.perf_counter())
        if not self._compute(copy, partial(done, copy)):
            self._work_alone(copy, partial(done, copy))

    def _work_alone(self, ask: Ask, done: Done) -> None:
        """Nobody holds the task, so this does."""
        task = asyncio.get_running_loop().create_task(self.work(ask, None, done))
        self._left_over.add(task)
        task.add_done_callback(self._left_over.discard)

    def _compute(self, ask: Ask, done: Done) -> bool:
        """Whether a compiled model of this process answers."""
        compiled = ask.route.compiled.get(ask.deployment)
        if self.engines is None or compiled is None or ask.method != "POST":
            return False
        engine = self.engines.of(compiled)
        rows = engine.read(ask.body, ask.headers.get(b"content-type", b"")) if engine is not None else None
        if rows is None:
            return False

        def answered(body: bytes | None) -> None:
            if body is None:
                # The model itself can still answer.
                self._work_alone(ask, done)
            else:
                ask.batch = engine.batched
                self.end(ask, Answer(200, [JSON, *known(ask)], body), done)

        engine.submit(rows, ask.action == "invocations", answered)
        return True

    def _send(self, ask: Ask, done: Done) -> "Underway | None":
        """Ask an instance with which a connection is open, or None where there is more to do than that."""
        upstreams = ask.route.deployments.get(ask.deployment)
        upstream = self._least_busy(ask) if upstreams else None
        connection = self.pool.take(upstream.address) if upstream is not None else None
        if connection is None:
            return None
        return Underway(self, ask, done, upstream, connection)

    async def work(self, ask: Ask, admitted, done: Done, but: Upstream | None = None) -> None:
        """Whatever takes more than one look; `but` has failed already."""
        try:
            if admitted is not None:
                self._decide(ask, await admitted)
            answer = passed_on(ask, await self._forward(ask, but))
        except AtelierError as error:
            answer = refusal(error, ask)
        except asyncio.CancelledError:
            self.abandon(ask)
            raise
        except Exception:
            log.exception("%s/%s", ask.workspace, ask.endpoint)
            answer = refusal(UpstreamFailed("The scoring path failed. The server's log says why."), ask)
        self.end(ask, answer, done)

    def end(self, ask: Ask, answer: Answer, done: Done) -> None:
        self.count(ask, answer.status)
        done(answer)
        if ask.mirrored:
            return
        for look in self.after:
            try:
                look(ask, answer)
            except Exception:
                # The answer has been sent; what looks at it may not undo that.
                log.exception("%s/%s: after the answer", ask.workspace, ask.endpoint)

    def abandon(self, ask: Ask) -> None:
        """The client is gone before its answer."""
        self.count(ask, GONE.status)
        for look in self.abandoned:
            look(ask, GONE)

    def count(self, ask: Ask, status: int) -> None:
        if ask.route is not None and ask.action != "swagger.json":
            seconds = time.perf_counter() - ask.started
            self.counters.count(
                ask.workspace, ask.endpoint, ask.deployment or "", status, seconds, ask.waited, ask.batch
            )

    async def _forward(self, ask: Ask, but: Upstream | None) -> Reply:
        key = (ask.workspace, ask.endpoint, ask.deployment)
        LOAD.enter(key)
        try:
            if not ask.route.deployments.get(ask.deployment):
                ask.route = await self._waking.route(ask.route, ask.deployment, len(ask.body))
            return await self._answered(ask, but)
        finally:
            LOAD.leave(key)

    async def _answered(self, ask: Ask, but: Upstream | None) -> Reply:
        allowed = ask.route.timeout_seconds(ask.deployment)
        try:
            async with asyncio.timeout(allowed + GRACE_SECONDS):
                reply = await self._exchange(ask, but)
        except (TimeoutError, AnswerBroken) as error:
            raise failure(ask, error) from error
        return checked(ask, reply)

    async def _exchange(self, ask: Ask, but: Upstream | None) -> Reply:
        """Ask the least busy instance; others if it cannot be reached, and one other if it ends before an answer.

        `but` has been asked already, and its connection failed.
        """
        tried = [but] if but else []
        sent = len(tried)
        while True:
            # It may have ended since, and others may be ready.
            ask.route = (tried and self.table.get(ask.workspace, ask.endpoint)) or ask.route
            upstream = self._least_busy(ask, tried)
            try:
                return await self.pool.send(upstream.address, request_to(ask, upstream))
            except ConnectionFailed as error:
                log.info("%s: %s", upstream.address, error)
                self.pool.avoid(upstream.address)
                tried.append(upstream)
                # What ends one instance after another is the request's own doing.
                sent += not isinstance(error, NotConnected)
                has_others = any(other not in tried for other in ask.route.deployments.get(ask.deployment, ()))
                if sent > 1 or (len(tried) > 1 and not has_others):
                    raise Unavailable(f"Deployment {ask.deployment!r} cannot be reached at the moment.") from error

    def _least_busy(self, ask: Ask, tried: Sequence[Upstream] = ()) -> Upstream:
        upstreams = ask.route.deployments.get(ask.deployment)
        if not upstreams:
            raise Unavailable(f"Deployment {ask.deployment!r} has no instance that is ready.")
        if len(upstreams) == 1:
            return upstreams[0]
        others = [upstream for upstream in upstreams if upstream not in tried] or upstreams
        return min(others, key=lambda upstream: self.pool.burden(upstream.address))


class Underway:
    """A request that an instance has. A connection that fails before an answer goes on as a task, which tries again."""

    def __init__(self, scoring: Scoring, ask: Ask, done: Done, upstream: Upstream, connection: Connection) -> None:
        self._scoring, self._ask, self._done, self._first = scoring, ask, done, upstream
        self._key = (ask.workspace, ask.endpoint, ask.deployment)
        LOAD.enter(self._key)
        seconds = ask.route.timeout_seconds(ask.deployment) + GRACE_SECONDS
        request = request_to(ask, upstream)
        self._at: Exchange | asyncio.Task = Exchange(
            scoring.pool, upstream.address, connection, request, seconds, self._settle
        )

    def cancel(self) -> None:
        if isinstance(self._at, Exchange):
            LOAD.leave(self._key)
            self._scoring.abandon(self._ask)
        self._at.cancel()

    def _settle(self, found: Reply | Exception) -> None:
        LOAD.leave(self._key)
        ask = self._ask
        if isinstance(found, ConnectionFailed):
            log.info("%s: %s; trying again", self._first.address, found)
            self._scoring.pool.avoid(self._first.address)
            work = self._scoring.work(ask, None, self._done, but=self._first)
            self._at = asyncio.get_running_loop().create_task(work)
            return
        try:
            if isinstance(found, Exception):
                raise failure(ask, found)
            answer = passed_on(ask, checked(ask, found))
        except AtelierError as error:
            answer = refusal(error, ask)
        self._scoring.end(ask, answer, self._done)
