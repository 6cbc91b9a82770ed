"""How requests to Azure Storage prove who sends them: account keys, shared access signatures, service principals.

Source: learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key (Blob, Queue, and File services), and
learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Generator
from email.utils import formatdate
from urllib.parse import unquote

import httpx

VERSION = "2023-11-03"
AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://storage.azure.com/.default"
_SIGNED = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
_BEFORE_END_SECONDS = 120

Flow = Generator[httpx.Request, httpx.Response, None]


class Anonymous(httpx.Auth):
    """What is public, or is opened by the signature in `sas_token`."""

    def __init__(self, sas_token: str = "") -> None:
        self._query = sas_token.lstrip("?")

    def auth_flow(self, request: httpx.Request) -> Flow:
        request.headers["x-ms-version"] = VERSION
        if self._query:
            query = request.url.query.decode()
            request.url = request.url.copy_with(query=f"{query}&{self._query}".lstrip("&").encode())
        yield request


class SharedKey(httpx.Auth):
    def __init__(self, account: str, key: str) -> None:
        self._account, self._key = account, base64.b64decode(key)

    def auth_flow(self, request: httpx.Request) -> Flow:
        request.headers["x-ms-date"] = formatdate(usegmt=True)
        request.headers["x-ms-version"] = VERSION
        request.headers["Authorization"] = f"SharedKey {self._account}:{self.signature(request)}"
        yield request

    def signature(self, request: httpx.Request) -> str:
        made = hmac.new(self._key, self._string_to_sign(request).encode(), hashlib.sha256)
        return base64.b64encode(made.digest()).decode()

    def _string_to_sign(self, request: httpx.Request) -> str:
        headers = dict(request.headers)
        if headers.get("content-length") == "0":
            del headers["content-length"]
        named = sorted((name, value) for name, value in headers.items() if name.startswith("x-ms-"))
        lines = [request.method, *(headers.get(name, "") for name in _SIGNED)]
        lines += [f"{name}:{value}" for name, value in named]
        lines.append(f"/{self._account}{request.url.raw_path.partition(b'?')[0].decode()}")
        query = request.url.query.decode()
        pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
        lines += [f"{unquote(name).lower()}:{unquote(value)}" for name, value in pairs]
        return "\n".join(lines)


def is_key(text: str) -> bool:
    """Whether a text can be an account key, which is base64."""
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


class ServicePrincipal(httpx.Auth):
    """Asks the authority for a token, which is used until shortly before it ends."""

    requires_response_body = True

    def __init__(self, tenant: str, client: str, secret: str, authority: str = AUTHORITY) -> None:
        self._address = f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"
        self._form = {
            "grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": SCOPE,
        }  # fmt: skip
        self._token, self._until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Flow:
        if time.monotonic() > self._until:
            answer = yield httpx.Request("POST", self._address, data=self._form)
            self._keep(answer)
        request.headers["x-ms-version"] = VERSION
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def _keep(self, answer: httpx.Response) -> None:
        try:
            told = answer.json()
            self._token = told["access_token"]
            self._until = time.monotonic() + float(told.get("expires_in", 0)) - _BEFORE_END_SECONDS
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{self._address} gave no token to the service principal: it answered {answer.status_code}"
            raise httpx.RequestError(reason, request=answer.request) from error
