"""The web process."""

import asyncio
import gc
import logging
import os
import socket
from contextlib import asynccontextmanager, suppress

import anyio.to_thread
from fastapi import FastAPI
from starlette.types import ASGIApp

from app import domains
from app.access import identity
from app.dialects.arm.addressing import ArmAddress
from app.dialects.mlflow import routes as tracking
from app.endpoints import rolling_back, serving
from app.endpoints.access_log.writing import AccessLog
from app.endpoints.collecting.writing import DataCollector
from app.endpoints.gateway import COUNTERS, Gateway, RoutingTable, figures, load
from app.endpoints.gateway.mirroring import COMPARISONS
from app.endpoints.metrics.recording import Recorder
from app.jobs.service_gateway import ServiceGateway
from app.kit.hiding import hide_from_guests
from app.kit.logs import log_as_json
from app.settings import Settings, current
from app.web import errors, watching
from app.web.addressing import WorkspaceAddress
from app.web.middleware import Observed
from app.web.routing import Shelves, include
from app.web.static import CachedFiles

HANDLER_THREADS = 40
log = logging.getLogger(__name__)


def create_api(settings: Settings) -> FastAPI:
    """The application without its outer layers; `domains.start` has been called."""

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        anyio.to_thread.current_default_thread_limiter().total_tokens = HANDLER_THREADS
        keepers = [
            asyncio.create_task(_every(30, identity.write_touched)),
            asyncio.create_task(watching.listen(settings.redis_url)),
            asyncio.create_task(serving.keep_routes(app.state.routes)),
            asyncio.create_task(Recorder(COUNTERS).run()),
            asyncio.create_task(app.state.access_log.run()),
            asyncio.create_task(app.state.data_collector.run()),
            asyncio.create_task(figures.follow(settings.redis_url, COUNTERS, COMPARISONS)),
            asyncio.create_task(load.publish(settings.redis_url, f"{socket.gethostname()}:{os.getpid()}")),
        ]
        yield
        for keeper in keepers:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    app = FastAPI(title="Atelier", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.routes = RoutingTable()
    app.state.access_log = AccessLog()
    app.state.data_collector = DataCollector(COUNTERS)
    errors.install(app)
    # A higher domain's page, such as /jobs/compare, stands before the wider /jobs/{name} of a lower one.
    for module in domains.modules("routes") + domains.modules("pages")[::-1]:
        include(app.router, module.router)
    app.mount("/static", CachedFiles(), name="static")
    app.router.middleware_stack = Shelves(app.router)
    return app


async def _every(seconds: float, work) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(work)
        except Exception:
            log.exception("%s failed; it will be tried again", work.__name__)


def wrap(api: FastAPI) -> ASGIApp:
    """What comes by the thousand passes the API by; the workspace address stands before all."""
    limit = api.state.settings.score_body_bytes
    gateway = Gateway(tracking.shortcut(api), api.state.routes, body_limit=limit)
    rolling_back.install(gateway.scoring)
    gateway.scoring.after += [api.state.access_log, api.state.data_collector]
    gateway.scoring.abandoned.append(api.state.access_log)
    inner = ServiceGateway(gateway)
    return Observed(WorkspaceAddress(ArmAddress(inner)))


def create_app() -> ASGIApp:
    """What uvicorn serves."""
    settings = current()
    log_as_json(settings.log_level)
    hide_from_guests()
    domains.start(settings)
    app = wrap(create_api(settings))
    _leave_alone_what_stays()
    return app


def _leave_alone_what_stays() -> None:
    """The collector does not walk through the application again and again: a search took three times as long for it."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)
