"""The web process: one application that listens on HTTP and, with a certificate, on HTTPS."""

import asyncio
import functools
import gc
import logging
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from urllib.parse import urlsplit

import uvicorn

from app.kit import certificates
from app.kit.clock import until_next
from app.settings import Settings, current

LOOK_SECONDS = 6 * 3600
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn's server with a second listener, in the same loop and with the same state as the first."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self.settings = settings
        self.keeper: asyncio.Task | None = None
        self.woken = asyncio.Event()
        self.wake: Callable[[], object] = lambda: None

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        if self.should_exit or not self.settings.https_port:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _load(context, self.settings)
        protocol = functools.partial(
            self.config.http_protocol_class,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        place = {"host": self.settings.host, "port": self.settings.https_port}
        listener = await asyncio.get_running_loop().create_server(
            protocol, ssl=context, backlog=self.config.backlog, **place
        )
        self.servers.append(listener)
        self.keeper = asyncio.create_task(_keep_certificate(context, self.settings))

    async def main_loop(self) -> None:
        """Uvicorn's own looks ten times a second whether to end; this one is told, and wakes for the date only."""
        loop = asyncio.get_running_loop()
        self.wake = lambda: loop.call_soon_threadsafe(self.woken.set)
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.woken.wait(), until_next(1))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.wake()


def _load(context: ssl.SSLContext, settings: Settings) -> None:
    if settings.tls_certificate:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
        return
    issued = certificates.ensure(settings.home / "tls", [urlsplit(settings.url).hostname, _named(settings.host)])
    context.load_cert_chain(issued.certificate, issued.key)


def _named(host: str) -> str | None:
    return None if host in ("0.0.0.0", "::") else host


async def _keep_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """New connections get the renewed certificate, or the file that was put in place of the given one."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await asyncio.to_thread(_load, context, settings)
        except (OSError, ValueError):
            log.exception("the certificate could not be read; the one before is kept")


def main() -> int:
    # Next to nothing of what is imported is garbage; `create_app` lets the collector run again.
    gc.disable()
    settings = current()
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        access_log=False,
        timeout_graceful_shutdown=3,
        log_level="warning",
    )
    server = Server(config, settings)
    server.run()
    return 0 if server.started else 3


if __name__ == "__main__":
    sys.exit(main())
