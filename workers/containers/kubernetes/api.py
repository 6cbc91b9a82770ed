"""The API of a Kubernetes cluster, as far as jobs need it: how it is reached, and requests of one namespace.

Sources: kubernetes.io/docs/reference/config-api/kubeconfig.v1, …/client-authentication.v1 and …/using-api/api-concepts.
"""

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANSWER_SECONDS = 20.0
PLUGIN_SECONDS = 60


class Unreachable(Exception):
    """How the cluster is reached is not known, or it does not answer; says which file or address."""


class Refused(Exception):
    """The API refused a request: its status code and its own words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Access:
    """`config` is a kubeconfig file, empty for the service account of the pod that this process runs in."""

    config: str
    namespace: str


class Api:
    """Requests to one namespace; paths are relative to it."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    def request(self, method: str, path: str, body: Any = None, *, patch: bool = False, **params: Any) -> dict:
        """The answer's JSON; raises Refused, and httpx.TransportError where nothing answers."""
        headers = {"Content-Type": "application/merge-patch+json" if patch else "application/json"}
        content = None if body is None else json.dumps(body)
        answer = self._client.request(method, self._address(path), params=params, content=content, headers=headers)
        _check(answer)
        return answer.json()

    @contextmanager
    def stream(self, path: str, seconds: float, **params: Any) -> Iterator[httpx.Response]:
        """An answer that goes on; httpx.ReadTimeout is raised after `seconds` without anything new."""
        timeout = httpx.Timeout(ANSWER_SECONDS, read=seconds)
        with self._client.stream("GET", self._address(path), params=params, timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
            _check(answer)
            yield answer

    def watch(self, kind: str, name: str, seconds: int) -> Iterator[dict | None]:
        """What an object is now, then each of its changes, at least every few seconds; None where it is not there."""
        only = {"fieldSelector": f"metadata.name={name}"}
        while True:
            listed = self.request("GET", kind, **only)
            yield next(iter(listed["items"]), None)
            version = listed["metadata"]["resourceVersion"]
            try:
                with self.stream(
                    kind,
                    seconds + ANSWER_SECONDS,
                    watch="true",
                    resourceVersion=version,
                    timeoutSeconds=seconds,
                    **only,
                ) as answer:
                    for line in answer.iter_lines():
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            # What happened since is forgotten, so it is asked for as a whole.
                            break
                        yield None if event["type"] == "DELETED" else event["object"]
            except (httpx.TransportError, ValueError):
                # Cut off, within a line perhaps.
                continue

    def version(self) -> str:
        """As `v1.20.2`."""
        answer = self._client.get("/version")
        _check(answer)
        return answer.json()["gitVersion"]

    def nodes(self) -> list[dict]:
        """All of the cluster; raises Refused where that is not allowed, as it is outside the namespace."""
        answer = self._client.get("/api/v1/nodes")
        _check(answer)
        return answer.json()["items"]

    def close(self) -> None:
        self._client.close()

    def _address(self, path: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{path}"


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.text[:300] or answer.reason_phrase
        raise Refused(answer.status_code, message)


def connect(access: Access) -> Api:
    """Raises Unreachable where the configuration is missing or wrong. Nothing is sent yet."""
    if access.config:
        return _of_config(Path(access.config), access.namespace)
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (SERVICE_ACCOUNT / "token").is_file():
        raise Unreachable("kubernetes_config is empty, and this process runs in no pod with a service account.")
    trust = ssl.create_default_context(cafile=str(SERVICE_ACCOUNT / "ca.crt"))
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    namespace = access.namespace or (SERVICE_ACCOUNT / "namespace").read_text().strip()
    return Api(_client(server, trust, _by_file(SERVICE_ACCOUNT / "token")), namespace)


def _of_config(path: Path, namespace: str) -> Api:
    try:
        config = yaml.safe_load(path.read_text())
        context = _named(config, "context", config.get("current-context"))
        cluster = _named(config, "cluster", context["cluster"])
        user = _named(config, "user", context["user"])
        server = cluster["server"]
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}.") from error
    except (yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise Unreachable(f"{path} is no kubeconfig with a current context: {error}") from error
    try:
        if isinstance(user.get("exec"), Mapping):
            user = {**user, **_by_plugin(user["exec"])}
        trust = _trust(cluster, user, path.parent)
    except (OSError, ValueError) as error:
        raise Unreachable(f"{path}: {error}") from error
    return Api(_client(server, trust, _signing(user, path.parent)), namespace or context.get("namespace") or "default")


def _named(config: Mapping, kind: str, name: str | None) -> Mapping:
    for item in config.get(f"{kind}s") or ():
        if item["name"] == name:
            return item[kind] or {}
    raise LookupError(f"there is no {kind} {name!r}")


def _by_plugin(asked: Mapping) -> dict:
    """What the program of a cloud says, in the words of a kubeconfig's user."""
    environ = {**os.environ, **{item["name"]: item["value"] for item in asked.get("env") or ()}}
    environ["KUBERNETES_EXEC_INFO"] = json.dumps(
        {"apiVersion": asked.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    )
    command = [asked["command"], *(asked.get("args") or ())]
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=PLUGIN_SECONDS, check=True
        )
        said = json.loads(done.stdout)["status"]
    except (subprocess.SubprocessError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{command[0]} gave no credentials: {error}") from error
    found = {"token": said.get("token")}
    for name, key in (("client-certificate-data", "clientCertificateData"), ("client-key-data", "clientKeyData")):
        if said.get(key):
            found[name] = base64.b64encode(said[key].encode()).decode()
    return found


def _trust(cluster: Mapping, user: Mapping, folder: Path) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", folder)
    trust = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    if certificate and key:
        # Python takes them as files only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            trust.load_cert_chain(file.name)
    return trust


def _content(section: Mapping, name: str, folder: Path) -> bytes | None:
    """Given in the file itself, or as a path that counts from it."""
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / section[name]).read_bytes() if section.get(name) else None


Sign = Callable[[httpx.Request], httpx.Request]


def _signing(user: Mapping, folder: Path) -> Sign | None:
    if user.get("tokenFile"):
        return _by_file(folder / user["tokenFile"])
    token = user.get("token")

    def sign(request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign if token else None


def _by_file(path: Path) -> Sign:
    """Read each time, as such tokens last an hour and the file is kept up to date."""

    def sign(request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {path.read_text().strip()}"
        return request

    return sign


def _client(server: str, trust: ssl.SSLContext, sign: Sign | None) -> httpx.Client:
    return httpx.Client(base_url=server, verify=trust, auth=sign, timeout=ANSWER_SECONDS)
