"""Jobs and data assets on datastores: what is found at submission, read by a worker and written at the end."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.database import reading
from app.datastores import stores
from app.datastores.kinds import DATASTORES
from app.errors import NotFound
from app.jobs import output_places, queries
from app.jobs.results import collect

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
FOLDER = "name: shelf\ntype: file\npath: {}\n"
JOB = """\
command: cat ${{inputs.data}}
environment: azureml:pytorch-2.13-cpu@latest
inputs:
  data: {type: uri_file, path: azureml://datastores/shelf/paths/in/a.csv}
outputs:
  result: {path: "azureml://datastores/shelf/paths/out/${{name}}/${{output_name}}"}
"""


@pytest.fixture
def shelf(settings, alice, tmp_path) -> Path:
    folder = tmp_path / "shelf"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.csv").write_text("x\n1\n")
    assert alice.post("/api/datastores", json={"yaml": FOLDER.format(folder)}).status_code == 201
    settings.datastore_folders = str(tmp_path / "shelf")
    stores.connect(settings)
    yield folder
    settings.datastore_folders = ""
    stores.connect(settings)


def submit(client, yaml: str):
    return client.post("/api/jobs", json={"yaml": yaml})


def place(name: str) -> stores.Place:
    with reading() as session:
        return stores.Place.of(DATASTORES.get(session, 1, name))


def test_inputs_data_assets_and_outputs_lie_on_a_datastore(alice, shelf, tmp_path):
    job = submit(alice, JOB)
    assert job.status_code == 201, job.text
    assert stores.open_files(place("shelf")).local_path("in/a.csv").read_text() == "x\n1\n"
    made = alice.post("/api/data", json={"name": "kept", "type": "uri_file",
                                         "path": "azureml://datastores/shelf/paths/in/a.csv"})  # fmt: skip
    assert made.status_code == 201, made.text
    page = alice.get("/data/kept").text
    assert "azureml://datastores/shelf/paths/in/a.csv" in page
    named = submit(alice, JOB.replace("azureml://datastores/shelf/paths/in/a.csv", "azureml:kept:1"))
    assert named.json()["inputs"]["data"]["path"] == "azureml:kept:1"

    name = job.json()["name"]
    (tmp_path / "outputs" / "result").mkdir(parents=True)
    (tmp_path / "outputs" / "result" / "b.txt").write_text("done")
    with reading() as session:
        found = queries.get(session, 1, name)
        assert found.inputs["data"]["datastore"] == "shelf"
        assert output_places.of(session, found)["result"][1] == f"out/{name}/result"
        job_id = found.id
    assert collect(job_id, tmp_path / "outputs", tmp_path / "work").ports == ["result"]
    assert (shelf / "out" / name / "result" / "b.txt").read_text() == "done"


def test_what_cannot_be_reached_is_refused_at_submission_with_the_reason(alice, settings, shelf, tmp_path):
    lake = "name: lake\ntype: azure_data_lake_gen2\naccount_name: a\nfilesystem: f\ncredentials: {account_key: k}\n"
    alice.post("/api/datastores", json={"yaml": lake})
    site = "name: site\ntype: http\nurl: http://127.0.0.1:9\n"
    alice.post("/api/datastores", json={"yaml": site})
    refused = submit(alice, JOB.replace("datastores/shelf/paths/in", "datastores/lake/paths/in"))
    assert (refused.status_code, refused.json()["target"]) == (400, "inputs.data.path")
    assert "azure_data_lake_gen2" in refused.json()["detail"]
    refused = submit(alice, JOB.replace("datastores/shelf/paths/out", "datastores/site/paths/out"))
    assert (refused.status_code, refused.json()["target"]) == (400, "outputs.result.path")
    missing = submit(alice, JOB.replace("datastores/shelf", "datastores/nowhere"))
    assert missing.status_code == 404 and "nowhere" in missing.json()["detail"]
    for folder in (settings.home, tmp_path / "elsewhere"):
        alice.post("/api/datastores", json={"yaml": FOLDER.format(folder)})
        assert "is" in submit(alice, JOB).json()["detail"] and submit(alice, JOB).status_code == 400


class _Blobs(BaseHTTPRequestHandler):
    """A container of Azure's protocol, as far as reading goes, which asks for the token `sig=x`."""

    held = {"d/a.txt": b"one", "d/e/b.txt": b"two"}

    def _answer(self, body: bytes | None) -> None:
        path, _, query = self.path.partition("?")
        allowed = "sig=x" in query
        if allowed and "comp=list" in query:
            names = "".join(f"<Blob><Name>{name}</Name></Blob>" for name in self.held if "prefix=d/&" in query)
            body = f"<R><Blobs>{names}</Blobs><NextMarker/></R>".encode()
        else:
            body = self.held.get(path.removeprefix("/acc/box/"))
        self.send_response(200 if allowed and body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    def do_GET(self) -> None:
        self._answer(None)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_blobs_are_read_with_a_sas_token(alice, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blobs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    account = f"http://127.0.0.1:{server.server_port}"
    file = f"name: box\ntype: azure_blob\naccount_name: acc\ncontainer_name: box\nendpoint: {account}\n"
    assert alice.post("/api/datastores", json={"yaml": file + "credentials: {sas_token: '?sig=x'}"}).status_code == 201
    try:
        files = stores.open_files(place("box"))
        files.download("d", tmp_path / "d")
        assert (tmp_path / "d" / "e" / "b.txt").read_text() == "two" and files.size("d/a.txt") == 3
        files.download("d/a.txt", tmp_path / "one" / "a.txt")
        assert (tmp_path / "one" / "a.txt").read_text() == "one"
        with pytest.raises(NotFound):
            files.download("nothing", tmp_path / "nothing")
    finally:
        server.shutdown()
        server.server_close()
