"""ASGI in front of the application: shows the interactive services of running jobs, each in an origin of its own.

Whoever knows the signed address may look: the pages of a service are run in a sandbox, from which neither cookies nor
the rest of the server can be reached.
"""

import asyncio
import re
import socket
import time
from collections.abc import Coroutine
from contextlib import suppress
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.database import reading
from app.jobs import interactive

PATH = re.compile(rf"^/services/(\d+)/([A-Za-z0-9_.-]+)/([0-9a-f]{{{interactive.SIGNATURE}}})(?=/|$)")
# How long the port of a service is remembered.
KNOWN_SECONDS = 2.0
BODY_BYTES = 256 * 2**20
PIECE_BYTES = 64 * 1024
DROPPED = {
    *(b"connection", b"keep-alive", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    *(b"cookie", b"authorization", b"origin", b"referer", b"host", b"accept-encoding", b"content-length", b"expect"),
}
KEPT_BACK = {
    *(b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"set-cookie", b"content-length"),
    *(b"content-security-policy", b"content-security-policy-report-only", b"x-frame-options", b"content-encoding"),
    *(b"access-control-allow-origin", b"access-control-allow-credentials", b"server", b"date"),
}
# An origin of one's own has no storage and no cookies, and merely to ask for them is an error there; a worker's script
# must come from it.
SHIM = b"""<script>(() => {
const make = () => { const held = new Map(); return {
  getItem: (key) => held.has(String(key)) ? held.get(String(key)) : null,
  setItem: (key, value) => { held.set(String(key), String(value)); },
  removeItem: (key) => { held.delete(String(key)); }, clear: () => held.clear(),
  key: (index) => [...held.keys()][index] ?? null, get length() { return held.size; } }; };
for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, {value: make()});
let cookies = "";
const Plain = window.Worker;
window.Worker = class extends Plain { constructor(address, options) {
  const script = `importScripts(${JSON.stringify(new URL(address, document.baseURI).href)})`;
  const own = String(address).startsWith("blob:") || options?.type === "module";
  super(own ? address : URL.createObjectURL(new Blob([script], {type: "text/javascript"})), options); } };
Object.defineProperty(document, "cookie", {get: () => cookies, set: (text) => { cookies = text.split(";")[0]; }});
})();</script>"""
_HEAD = re.compile(rb"<head[^>]*>", re.IGNORECASE)


class ServiceGateway:
    """Belongs to one event loop. Whatever is no address of a service goes on to `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._client: httpx.AsyncClient | None = None
        self._known: dict[tuple[int, str], tuple[float, tuple[str, int] | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = PATH.match(scope["path"]) if scope["type"] in ("http", "websocket") else None
        if found is None:
            await self.app(scope, receive, send)
            return
        job_id, name, signature = int(found[1]), unquote(found[2]), found[3]
        found = await self._found(job_id, name) if interactive.is_signed(signature, job_id, name) else None
        kind, port = found or ("", None)
        if scope["type"] == "websocket" and kind == "ssh":
            await _tunnel(receive, send, port)
        elif scope["type"] == "websocket":
            await _join(scope, receive, send, port, interactive.token_of(job_id, name))
        elif port is None:
            await _say(send, 404, "This service does not run: its job has ended, or it was not started.")
        elif kind == "ssh":
            await _say(send, 426, "This is no page: sign in with `atelier job connect-ssh --name JOB`.")
        elif scope["method"] == "OPTIONS":
            await _allow(scope, send)
        else:
            await self._pass_on(scope, receive, send, port, interactive.token_of(job_id, name))

    async def _found(self, job_id: int, name: str) -> tuple[str, int] | None:
        """The type and the port of a service that runs on this host."""
        asked_at, found = self._known.get((job_id, name), (0.0, None))
        if time.monotonic() - asked_at > KNOWN_SECONDS:
            found = await asyncio.to_thread(_find, job_id, name)
            if len(self._known) > 1000:
                self._known.clear()
            self._known[job_id, name] = (time.monotonic(), found)
        return found

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, port: int, token: str) -> None:
        self._client = self._client or httpx.AsyncClient(timeout=httpx.Timeout(10, read=120), trust_env=False)
        headers = [(name, value) for name, value in scope["headers"] if name not in DROPPED]
        headers += [(b"authorization", f"token {token}".encode()), (b"accept-encoding", b"identity")]
        body = await _body(receive)
        if body is None:
            await _say(send, 413, f"The body has more than {BODY_BYTES:,} bytes.")
            return
        address = _address("http", scope, port)
        request = self._client.build_request(scope["method"], address, headers=headers, content=body)
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError:
            await _say(send, 502, "The service does not answer. It may still be starting: load the page again.")
            return
        try:
            await _answer(scope, send, answer)
        finally:
            await answer.aclose()


def _find(job_id: int, name: str) -> tuple[str, int] | None:
    with reading() as session:
        service = interactive.running_at(session, job_id, name)
        return (service.type, service.port) if service and service.host == socket.gethostname() else None


def _address(scheme: str, scope: Scope, port: int) -> str:
    path = scope.get("raw_path") or scope["path"].encode()
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return f"{scheme}://127.0.0.1:{port}{(path.partition(b'?')[0] + query).decode('latin-1')}"


async def _body(receive: Receive) -> bytes | None:
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > BODY_BYTES:
            return None
    return b"".join(pieces)


async def _answer(scope: Scope, send: Send, answer: httpx.Response) -> None:
    headers = [(name.lower(), value) for name, value in answer.headers.raw]
    headers = [(name, value) for name, value in headers if name not in KEPT_BACK] + _confined(scope)
    start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
    if answer.headers.get("content-type", "").startswith("text/html"):
        page = _HEAD.sub(lambda found: found[0] + SHIM, await answer.aread(), count=1)
        await send(start)
        await send({"type": "http.response.body", "body": page})
        return
    await send(start)
    async for piece in answer.aiter_bytes():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _confined(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Headers by which a page runs in an origin of its own, and reaches this one service only."""
    host = dict(scope["headers"]).get(b"host", b"localhost").decode("latin-1")
    base = f"{host}{PATH.match(scope['path'])[0]}/"
    web, socket_scheme = ("https", "wss") if scope["scheme"] in ("https", "wss") else ("http", "ws")
    policy = (
        "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads; "
        f"default-src {web}://{base} {socket_scheme}://{base} data: blob: 'unsafe-inline' 'unsafe-eval'; "
        f"form-action {web}://{base}; frame-ancestors {web}://{host}"
    )
    return [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
        (b"access-control-allow-origin", b"null"),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"origin"),
    ]


async def _allow(scope: Scope, send: Send) -> None:
    """To the browser's question whether the page of a service may ask the service."""
    asked = dict(scope["headers"]).get(b"access-control-request-headers", b"")
    headers = [*_confined(scope), (b"access-control-allow-headers", asked)]
    headers.append((b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _say(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def _join(scope: Scope, receive: Receive, send: Send, port: int | None, token: str) -> None:
    """Connect a browser's websocket with the service's."""
    await receive()
    if port is None:
        await send({"type": "websocket.close", "code": 1008})
        return
    try:
        upstream = await connect(
            _address("ws", scope, port),
            additional_headers={"Authorization": f"token {token}"},
            subprotocols=scope.get("subprotocols") or None,
            max_size=None,
            proxy=None,
        )
    except (OSError, WebSocketException, TimeoutError):
        await send({"type": "websocket.close", "code": 1011})
        return
    async with upstream:
        await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
        await _both_ways(receive, send, upstream)


async def _tunnel(receive: Receive, send: Send, port: int) -> None:
    """Carry what is said on a websocket to a port and back, as Azure's way to a job's SSH server does."""
    await receive()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await send({"type": "websocket.close", "code": 1011})
        return
    await send({"type": "websocket.accept"})
    try:
        await _until_either(_to_port(receive, writer), _from_port(reader, send))
    finally:
        writer.close()


async def _to_port(receive: Receive, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while (message := await receive())["type"] == "websocket.receive":
            writer.write(message.get("bytes") or (message.get("text") or "").encode())
            await writer.drain()


async def _from_port(reader: asyncio.StreamReader, send: Send) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(PIECE_BYTES):
            await send({"type": "websocket.send", "bytes": said})
    await send({"type": "websocket.close", "code": 1000})


async def _both_ways(receive: Receive, send: Send, upstream: ClientConnection) -> None:
    await _until_either(_upwards(receive, upstream), _downwards(send, upstream))


async def _until_either(*ways: Coroutine[None, None, None]) -> None:
    pumps = [asyncio.ensure_future(way) for way in ways]
    _, unfinished = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    for pump in unfinished:
        pump.cancel()
    await asyncio.gather(*pumps, return_exceptions=True)


async def _upwards(receive: Receive, upstream: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            await upstream.send(text if text is not None else message["bytes"])


async def _downwards(send: Send, upstream: ClientConnection) -> None:
    async for said in upstream:
        await send({"type": "websocket.send", **({"text": said} if isinstance(said, str) else {"bytes": said})})
    await send({"type": "websocket.close", "code": 1000})
