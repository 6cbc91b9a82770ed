"""Datastores on other machines: Azure's blobs by key, signature and service principal, and buckets that speak S3."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from app.data import files as data_files
from app.database import reading
from app.datastores import service as datastores
from app.datastores import stores
from app.datastores.azure_auth import SharedKey
from app.datastores.kinds import DATASTORES
from app.errors import NotFound, Unavailable
from app.jobs import queries

on_sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
KEY = "c2VjcmV0LWtleQ=="
PROOFS = {
    "{sas_token: '?sig=x'}": "sig=x",
    f"{{account_key: {KEY}}}": "SharedKey acc:",
    "{tenant_id: t, client_id: c, client_secret: s, authority_url: 'ACCOUNT'}": "Bearer token-of-c",
}


class _Account(BaseHTTPRequestHandler):
    """A storage account with one container, and the authority that gives tokens for it."""

    held: dict[str, bytes] = {}
    blocks: dict[str, bytes] = {}
    wanted = ""

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _asked(self) -> tuple[str, dict[str, str]] | None:
        """The name of a blob and the query; None for who proves nothing."""
        parts = urlsplit(self.path)
        proof = parts.query + self.headers.get("Authorization", "")
        if self.wanted not in proof or not self.headers.get("x-ms-version"):
            self._send(403, **{"x-ms-error-code": "AuthenticationFailed"})
            return None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return unquote(parts.path).removeprefix("/acc").removeprefix("/box").lstrip("/"), query

    def do_GET(self) -> None:
        if not (asked := self._asked()):
            return
        name, query = asked
        if query.get("restype") == "directory":
            self._send(200, self._directory(name))
        elif query.get("comp") == "list":
            self._send(200, self._list(query))
        elif name not in self.held:
            self._send(404)
        else:
            first, _, last = self.headers.get("x-ms-range", "bytes=0-").removeprefix("bytes=").partition("-")
            self._send(200, self.held[name][int(first) : int(last) + 1 if last else None])

    do_HEAD = do_GET

    def _list(self, query: dict[str, str]) -> bytes:
        """One blob a page, so that whoever lists must go on."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        found = {}
        for name, body in sorted(self.held.items()):
            if name.startswith(prefix):
                below = name.removeprefix(prefix)
                folded = delimiter and delimiter in below
                shown = prefix + below.partition("/")[0] + "/" if folded else name
                size = f"<Properties><Content-Length>{len(body)}</Content-Length></Properties>"
                tag = "BlobPrefix" if folded else "Blob"
                found[shown] = f"<{tag}><Name>{shown}</Name>{'' if folded else size}</{tag}>"
        left = [name for name in found if name >= query.get("marker", "")]
        page, marker = "".join(found[name] for name in left[:1]), "".join(left[1:2])
        return f"<R><Blobs>{page}</Blobs><NextMarker>{marker}</NextMarker></R>".encode()

    def _directory(self, folder: str) -> bytes:
        found = {}
        for name, body in self.held.items():
            if name.startswith(f"{folder}/"):
                first, slash, _ = name.removeprefix(f"{folder}/").partition("/")
                size = f"<Properties><Content-Length>{len(body)}</Content-Length></Properties>"
                found[first] = f"<Directory><Name>{first}</Name></Directory>" if slash else (
                    f"<File><Name>{first}</Name>{size}</File>"
                )  # fmt: skip
        return f"<R><Entries>{''.join(found.values())}</Entries><NextMarker/></R>".encode()

    def do_PUT(self) -> None:
        if not (asked := self._asked()):
            return
        name, query = asked
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if query["comp"] == "block":
            self.blocks[query["blockid"]] = body
        else:
            self.held[name] = b"".join(self.blocks[found.text or ""] for found in ElementTree.fromstring(body))
        self._send(201)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["client_secret"] == ["s"]
        self._send(200, f'{{"access_token": "token-of-{form["client_id"][0]}", "expires_in": 3600}}'.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def account() -> Iterator[str]:
    _Account.held = {"d/a.txt": b"one", "d/e/ü b.txt": b"two"}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Account)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def place(name: str) -> stores.Place:
    with reading() as session:
        return stores.Place.of(DATASTORES.get(session, 1, name))


def test_a_request_is_signed_as_azures_own_client_signs_it():
    """The signature was made by azure-storage-blob 12.31 of the same request."""
    address = "http://127.0.0.1:10000/acc/box?restype=container&comp=list&prefix=d%20e%2F%C3%BC&include=metadata"
    request = httpx.Request("GET", address, headers={
        "x-ms-version": "2026-10-06", "x-ms-date": "Wed, 25 Nov 2026 22:33:31 GMT",
        "x-ms-client-request-id": "3e5bba4a-e920-11f1-99a1-02fc00000001",
    })  # fmt: skip
    assert SharedKey("acc", KEY).signature(request) == "CHYkid/OA7Fsz0ujmarru0ozNUiclKd4sbxe2W/eJSQ="


@on_sqlite
@pytest.mark.parametrize("credentials", PROOFS)
def test_blobs_are_listed_read_and_written(alice, account, tmp_path, credentials):
    file = f"name: box\ntype: azure_data_lake_gen2\naccount_name: acc\nfilesystem: box\nendpoint: {account}\n"
    given = f"credentials: {credentials.replace('ACCOUNT', account)}"
    assert alice.post("/api/datastores", json={"yaml": file + given}).status_code == 201
    for url in ("abfss://box@acc.dfs.core.windows.net/d/a.txt", "https://acc.blob.core.windows.net/box/d/a.txt"):
        job = {"yaml": f"command: x\nenvironment: azureml:pytorch-2.13-cpu@latest\ninputs: {{a: {{path: '{url}'}}}}"}
        name = alice.post("/api/jobs", json=job).json()["name"]
        with reading() as session:
            assert queries.get(session, 1, name).inputs["a"]["datastore"] == "box"
    foreign = alice.post("/api/jobs", json={"yaml": job["yaml"].replace("https://acc.blob", "abfss://box@other.dfs")})
    assert (foreign.status_code, foreign.json()["target"]) == (400, "inputs.a.path")
    _Account.wanted = PROOFS[credentials]
    files = stores.open_files(place("box"))
    files.download("d", tmp_path / "d")
    assert (tmp_path / "d" / "e" / "ü b.txt").read_text() == "two"
    assert files.size("d/a.txt") == 3 and files.size("d/none") is None and files.read_bytes("d/a.txt") == b"one"
    assert [(entry.path, entry.is_folder, entry.size) for entry in files.list("d")] == [
        ("e", True, 0),
        ("a.txt", False, 3),
    ]
    assert b"".join(files.read("d/a.txt", 1, 2)) == b"n"
    files.upload("out", tmp_path / "d")
    assert _Account.held["out/e/ü b.txt"] == b"two"
    with pytest.raises(NotFound):
        files.read_bytes("nothing")
    _Account.wanted = "another proof"
    with pytest.raises(Unavailable, match="AuthenticationFailed"):
        files.size("d/a.txt")


@on_sqlite
def test_folders_of_public_containers_are_read_without_a_datastore(alice, account, tmp_path, monkeypatch):
    url = "wasbs://box@acc.blob.core.windows.net/d/"
    job = "command: x\nenvironment: azureml:pytorch-2.13-cpu@latest\ninputs:\n"
    job += f"  a: {{type: uri_folder, path: '{url}'}}\n"
    asked = alice.post("/api/jobs", json={"yaml": job})
    assert asked.status_code == 201, asked.text
    with reading() as session:
        assert queries.get(session, 1, asked.json()["name"]).inputs["a"]["url"] == (
            "https://acc.blob.core.windows.net/box/d/"
        )
    monkeypatch.setenv("http_proxy", account)
    _Account.wanted = ""
    files, key = datastores.public_blobs("http://acc.blob.core.windows.net/box/d/")
    files.download(key, tmp_path / "d")
    assert (tmp_path / "d" / "e" / "ü b.txt").read_text() == "two" and (tmp_path / "d" / "a.txt").exists()
    _Account.wanted = "sig=x"
    files, key = datastores.public_blobs("http://acc.dfs.core.windows.net/box/d/a.txt?sv=1&sig=x")
    assert files.size(key) == 3
    assert datastores.public_blobs("https://example.com/box/d/") is None


def test_a_bucket_without_keys_is_not_opened_with_those_of_the_server(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "server")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    client = stores.open_files(stores.Place("open", "s3", {"bucket": "b", "region": "us-east-1"}, {})).client
    assert "server" not in client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})


@on_sqlite
def test_files_of_a_share_are_listed_and_read(alice, account, tmp_path):
    file = f"name: share\ntype: azure_file\naccount_name: acc\nfile_share_name: box\nendpoint: {account}\n"
    made = alice.post("/api/datastores", json={"yaml": f"{file}credentials: {{account_key: {KEY}}}"})
    assert made.status_code == 201, made.text
    _Account.wanted = "SharedKey acc:"
    files = stores.open_files(place("share"))
    assert [(entry.path, entry.is_folder) for entry in files.list("d")] == [("e", True), ("a.txt", False)]
    files.download("d", tmp_path / "d")
    assert (tmp_path / "d" / "e" / "ü b.txt").read_text() == "two" and files.total_size("d") == (2, 6)


@on_sqlite
def test_data_in_a_bucket_is_looked_at_counted_and_refused_with_the_reason(alice, tmp_path):
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket="measured")
    for key, body in {"in/t.csv": b"a,b\n1,two\n", "in/sub/x.bin": b"\0", "in/empty/": b""}.items():
        client.put_object(Bucket="measured", Key=key, Body=body)
    file = (
        f"name: bucket\ntype: s3\nbucket: measured\nregion: us-east-1\nendpoint: {address}\n"
        "credentials: {access_key_id: a, secret_access_key: b}\n"
    )
    assert alice.post("/api/datastores", json={"yaml": file}).status_code == 201
    asset = {"name": "far", "type": "uri_folder", "path": "azureml://datastores/bucket/paths/in"}
    assert alice.post("/api/data", json=asset).status_code == 201
    here = "/data/far/versions/1"
    try:
        seen = alice.get(f"/api{here}/preview?path=t.csv").json()
        assert (seen["columns"], seen["rows"]) == (["a", "b"], [["1", "two"]])
        assert alice.get(f"/api{here}/content?path=sub/x.bin").content == b"\0"
        top = alice.get(f"{here}/files").text
        assert "t.csv" in top and "sub" in top and "x.bin" not in top
        assert "two" in alice.get(f"{here}/preview").text and "in 2 files" in alice.get(f"{here}/_size").text
        assert alice.post("/api/registries", json={"yaml": "name: common\nlocation: here\n"}).status_code == 201
        shared = alice.post("/api/registries/common/data", json={"name": "far", "version": "1"})
        assert (shared.status_code, shared.json()["size_bytes"]) == (201, 11), shared.text
        files = stores.open_files(place("bucket"))
        files.download("in", tmp_path / "in")
        assert (tmp_path / "in" / "sub" / "x.bin").read_bytes() == b"\0"
    finally:
        server.stop()
    with reading() as session:
        gone = data_files.lying(session, 1, asset["path"])
    with pytest.raises(Unavailable, match="azureml://datastores/bucket/paths/in could not be read"):
        gone.entries()
