"""Posts to addresses that users name, without letting them reach the network that the server stands in."""

import http.client
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from app.errors import Invalid

TIMEOUT_SECONDS = 10
LONGEST_ANSWER = 2000
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """The address is one that this server does not post to."""


@dataclass(frozen=True)
class Answer:
    """`text` is the beginning of the answer's body."""

    status: int
    text: str


def check_url(url: str, field: str, *, allow_private: bool) -> str:
    """The URL, if it is one that could be posted to; raises Invalid. Names are resolved only when it is posted to."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError as error:
        raise Invalid(f"{field}: {url!r} is no URL: {error}.", target=field) from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not host or not plain:
        raise Invalid(f"{field}: {url!r} is no URL such as https://example.com/hook.", target=field)
    if parts.username or parts.password:
        raise Invalid(f"{field}: a URL with a name and password in it is not posted to.", target=field)
    if not allow_private and (host == "localhost" or (_is_address(host) and not is_public(host))):
        raise Invalid(
            f"{field}: {host} is an address of this machine or its own network. "
            "An operator may allow those with ATELIER_WEBHOOKS_ALLOW_PRIVATE.",
            target=field,
        )
    return url


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, an IPv4 address within an IPv6 one included."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if inside is None and ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inside or ip
    return ip.is_global and not ip.is_multicast


def post(url: str, body: bytes, headers: dict[str, str], *, allow_private: bool) -> Answer:
    """Post once; no redirect is followed and no proxy used.

    Raises Refused for an address that is not public, OSError or HTTPException where there was no answer.
    """
    parts = urlsplit(url)
    connection = _connect(parts, allow_private)
    # A receiver that sends a byte now and then would never meet the socket's own timeout.
    deadline = threading.Timer(2 * TIMEOUT_SECONDS, _cut, [connection])
    deadline.daemon = True
    deadline.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(LONGEST_ANSWER).decode(errors="replace").replace("\x00", ""))
    finally:
        deadline.cancel()
        connection.close()


def _connect(parts: SplitResult, allow_private: bool) -> http.client.HTTPConnection:
    """A connection to an address that was looked at: the name is not resolved a second time."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(item[4][0] for item in found))
    private = [address for address in addresses if not is_public(address)]
    if private and not allow_private:
        raise Refused(f"{parts.hostname} is at {private[0]}, an address of this machine or its own network.")
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=TIMEOUT_SECONDS)
    connection.sock = _first(addresses, port)
    if parts.scheme == "https":
        connection.default_port = 443
        connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=parts.hostname)
    return connection


def _first(addresses: list[str], port: int) -> socket.socket:
    """Connected to the first address that answers; raises what the last one did."""
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), TIMEOUT_SECONDS)
        except OSError:
            continue
    return socket.create_connection((last, port), TIMEOUT_SECONDS)


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        connection.sock.shutdown(socket.SHUT_RDWR)
