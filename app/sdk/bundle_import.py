"""Brings a bundle to a server of Atelier: what lacks there, and nothing twice."""

import base64
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk.bundle_reviews import ReviewImport
from app.sdk.bundles import Bundle, Progress
from app.sdk.mlflow_stores.artifacts import StoredFile
from app.sdk.mlflow_stores.report import Report
from app.sdk.mlflow_stores.sending import Refused, Sender

_MORE = {"partial": "true"}
_POINTS_AT_ONCE = 50_000
_PART = "atelier"

Record = dict[str, Any]
Upload = Callable[[Path], str]


class BundleImport:
    """`upload` stores a folder of code at the server and answers its address."""

    def __init__(self, bundle: Bundle, sender: Sender, upload: Upload, report: Report, progress: Progress) -> None:
        self._bundle = bundle
        self._sender = sender
        self._upload = upload
        self._report = report
        self._progress = progress
        self._experiments: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._new: set[str] = set()
        self._refused: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Raises ClientError when no server answers, or nothing may be written there.

        A run is shown as finished when all of it is there, so the runs are gone through twice.
        """
        steps: list[tuple[str, str, Callable[[Record], None]]] = [
            ("experiments", "experiments.jsonl", self._experiment),
            ("runs", "runs.jsonl", self._run),
            ("logged models", "logged-models.jsonl", self._logged_model),
            ("ends of runs", "runs.jsonl", self._run_end),
            ("traces", "traces.jsonl", self._trace),
            *ReviewImport(self._experiments, self._post, self._here, self._count).steps(),
            ("registered models", "registered-models.jsonl", self._registered_model),
            ("model versions", "model-versions.jsonl", self._model_version),
        ]
        for step, member, bring in steps:
            for done, record in enumerate(self._bundle.lines(member)):
                self._progress(step, done, None)
                bring(record)
            if step == "runs":
                self._metrics()

    def _post(self, kind: str, id: str, path: str, record: Record, **params: str) -> Record | None:
        """None where the server refuses it, which the report tells once."""
        if (kind, id) in self._refused:
            return None
        try:
            answer = self._sender.post(path, record, **params)
        except Refused as error:
            self._refused.add((kind, id))
            self._report.note(kind, id, str(error))
            return None
        for sentence in () if params else answer["missing"]:
            self._report.note(kind, id, sentence)
        return answer

    def _count(self, kind: str, answer: Record) -> None:
        (self._report.new if answer["created"] else self._report.here)[kind] += 1

    def _experiment(self, record: Record) -> None:
        number = record.pop("experiment_id")
        answer = self._post("experiment", record["name"], "experiments", record)
        if answer is not None:
            self._experiments[number] = answer["id"]
            self._count("experiment", answer)

    def _here(self, kind: str, id: str, place: Record) -> bool:
        """Put the experiment's id at the server in place of its number in the bundle."""
        if place["experiment_id"] not in self._experiments:
            self._refused.add((kind, id))
            self._report.note(kind, id, "its experiment could not come")
            return False
        place["experiment_id"] = self._experiments[place["experiment_id"]]
        return True

    def _run(self, record: Record) -> None:
        run_id = record["info"]["run_id"]
        self._with_code(record)
        if self._here("run", run_id, record["info"]):
            answer = self._post("run", run_id, "runs", record, **_MORE)
            if answer is not None:
                self._count("run", answer)
                if answer["created"]:
                    self._new.add(run_id)
                self._files("run", run_id, f"runs/{run_id}", f"runs/{quote(run_id)}", is_new=answer["created"])

    def _with_code(self, record: Record) -> None:
        name = record.get(_PART, {}).get("code")
        if not name:
            return
        if name not in self._codes:
            folder = name.rpartition("/")[0]
            with tempfile.TemporaryDirectory(prefix="atelier-code-") as unpacked:
                for path in self._bundle.files(folder):
                    target = Path(unpacked, path)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as file:
                        file.writelines(self._bundle.read(f"{folder}/{path}"))
                self._codes[name] = self._upload(Path(unpacked, name.rpartition("/")[2]))
        record[_PART]["code"] = self._codes[name]

    def _run_end(self, record: Record) -> None:
        run_id = record["info"]["run_id"]
        self._with_code(record)
        if ("run", run_id) not in self._refused and self._here("run", run_id, record["info"]):
            self._post("run", run_id, "runs", record)

    def _metrics(self) -> None:
        for run_id, series in _gathered(self._bundle.lines("metrics.jsonl")):
            if ("run", run_id) in self._refused:
                continue
            try:
                self._report.points += self._sender.post(f"runs/{quote(run_id)}/metrics", series)["points"]
            except Refused as error:
                self._report.note("run", run_id, f"its metrics: {error}")
            self._progress("metric points", self._report.points, None)

    def _logged_model(self, record: Record) -> None:
        info = record["info"]
        id = info["model_id"]
        if not self._here("logged model", id, info):
            return
        answer = self._post("logged model", id, "logged-models", record, **_MORE)
        if answer is not None:
            self._count("logged model", answer)
            of = f"logged-models/{quote(id)}"
            self._files("logged model", id, f"logged-models/{id}", of, is_new=answer["created"])
            self._post("logged model", id, "logged-models", record)

    def _trace(self, record: Record) -> None:
        info = record["trace_info"]
        id = info["trace_id"]
        if self._here("trace", id, info["trace_location"]["mlflow_experiment"]):
            answer = self._post("trace", id, "traces", record)
            if answer is not None:
                self._count("trace", answer)
                self._files("trace", id, f"traces/{id}", f"traces/{quote(id)}", is_new=answer["created"])

    def _registered_model(self, record: Record) -> None:
        answer = self._post("registered model", record["name"], "registered-models", record)
        if answer is not None:
            self._count("registered model", answer)

    def _model_version(self, record: Record) -> None:
        name, version = record["name"], record["version"]
        id, folder = f"{name}/{version}", f"model-versions/{name}/{version}"
        has_files = bool(self._bundle.files(folder))
        answer = self._post("model version", id, "model-versions", record, **(_MORE if has_files else {}))
        if answer is None:
            return
        self._count("model version", answer)
        if has_files:
            of = f"model-versions/{quote(name, safe='')}/{quote(version)}"
            self._files("model version", id, folder, of, is_new=answer["created"])
            self._post("model version", id, "model-versions", record)

    def _files(self, kind: str, id: str, folder: str, of: str, *, is_new: bool) -> None:
        paths = self._bundle.files(folder)
        there = {} if is_new or not paths else self._sender.digests(of)
        for path in paths:
            name = f"{folder}/{path}"
            digest = self._bundle.sums[name]
            if there.get(path) == digest:
                continue
            size = self._bundle.size(name)
            file = StoredFile(path, size, lambda name=name: self._bundle.read(name), _content_digest(digest))
            try:
                if path in there:
                    raise Refused("another file is there already; it was left as it is")
                self._sender.put(of, path, file)
            except Refused as error:
                self._report.note(kind, id, f"{path}: {error}")
                continue
            self._report.files += 1
            self._report.bytes += size


def _content_digest(digest: str) -> str:
    """As in RFC 9530."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:"


def _gathered(lines: Iterator[Record]) -> Iterator[tuple[str, dict[str, list]]]:
    """The series of lines that follow each other and are of one run, up to a number of points."""
    run_id, series, count = "", {}, 0
    for line in lines:
        if series and (line["run_id"] != run_id or count + len(line["points"]) > _POINTS_AT_ONCE):
            yield run_id, series
            series, count = {}, 0
        run_id = line["run_id"]
        series.setdefault(line["key"], []).extend(line["points"])
        count += len(line["points"])
    if series:
        yield run_id, series
