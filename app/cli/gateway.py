"""The gateway: takes scoring requests on a port of its own, with nothing on their way but what they need."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress

import uvloop

from app import database
from app.endpoints import compilation, rolling_back, service, serving
from app.endpoints.access_log.writing import AccessLog
from app.endpoints.collecting.writing import DataCollector
from app.endpoints.gateway import load
from app.endpoints.gateway.compiled import Engines
from app.endpoints.gateway.counters import COUNTERS
from app.endpoints.gateway.figures import publish
from app.endpoints.gateway.http import Listener
from app.endpoints.gateway.marks import Marks
from app.endpoints.gateway.mirroring import COMPARISONS
from app.endpoints.gateway.routing import RoutingTable
from app.endpoints.gateway.scoring import Scoring
from app.endpoints.metrics.recording import Recorder
from app.kit import crypto, live, outbox, storage
from app.kit.hiding import hide_from_guests
from app.kit.logs import log_as_json
from app.kit.outbox import hint
from app.notifications import service as notifications
from app.settings import Settings, current
from app.web import watching

DRAIN_SECONDS = 5
BACKLOG = 2048
log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    table = RoutingTable()
    table.replace(await asyncio.to_thread(serving.read_routes))
    file = settings.home / f"gateway-{settings.scoring_port}.marks"
    marks = Marks(file if settings.home.is_dir() else None)
    await asyncio.to_thread(tell_of_crashes, table, marks)
    engines = Engines(len(os.sched_getaffinity(0)), marks)
    engines.keep_only(table.compiled())
    scoring = Scoring(table, body_limit=settings.score_body_bytes, engines=engines)
    rolling_back.install(scoring)
    access_log = AccessLog()
    data_collector = DataCollector(COUNTERS)
    scoring.after += [access_log, data_collector]
    scoring.abandoned.append(access_log)
    listener = Listener(scoring)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(listener.protocol, settings.host, settings.scoring_port, backlog=BACKLOG)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    recorder = Recorder(COUNTERS)
    name = f"{socket.gethostname()}:{settings.scoring_port}"
    keepers = [
        asyncio.create_task(watching.listen(settings.redis_url)),
        asyncio.create_task(serving.keep_routes(table)),
        asyncio.create_task(publish(settings.redis_url, name, COUNTERS, COMPARISONS)),
        asyncio.create_task(load.publish(settings.redis_url, name)),
        asyncio.create_task(recorder.run()),
        asyncio.create_task(access_log.run()),
        asyncio.create_task(data_collector.run()),
        asyncio.create_task(listener.sweep()),
    ]
    _leave_alone_what_stays()
    await ended.wait()
    server.close()
    await listener.drain(DRAIN_SECONDS)
    engines.close()
    for keeper in keepers:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
    await recorder.write(int(time.time()))
    await access_log.write()
    await data_collector.write()


def tell_of_crashes(table: RoutingTable, marks: Marks) -> None:
    keys = {known.key for known in table.compiled() if marks.is_fatal(known.key)}
    if not keys:
        return
    try:
        with database.transaction() as session:
            for key in keys:
                compilation.crashed(session, key)
            hint(session, service.CHANNEL, "endpoints")
    except Exception:
        log.exception("the models that were at work at the end of the gateway before this one are not written down")


def _leave_to_the_reconciler(task: str, args: tuple) -> None:
    """A gateway has no queue; what its rows ask for is sent by who looks for rows that nobody works on."""
    log.info("%s%s is left to the reconciler", task, args)


def _leave_alone_what_stays() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def main() -> int:
    settings = current()
    log_as_json(settings.log_level)
    hide_from_guests()
    database.bind(database.connect(settings.database))
    storage.connect(settings.artifact_root)
    crypto.connect(settings.secret_key)
    notifications.connect(settings)
    live.connect(settings.redis_url)
    outbox.connect(_leave_to_the_reconciler, live.hint)
    if not settings.scoring_port:
        print("scoring_port: the gateway needs a port to listen on.", file=sys.stderr)
        return 2
    uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
