"""Brings a store of MLflow to a server of Atelier: what is new or changed since the last time, and nothing twice."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import quote

from app.sdk.errors import ClientError
from app.sdk.mlflow_stores import records, sources
from app.sdk.mlflow_stores.artifacts import StoredFile
from app.sdk.mlflow_stores.records import Point, Record, Store, Unreadable
from app.sdk.mlflow_stores.report import Report
from app.sdk.mlflow_stores.sending import Refused, Sender
from app.sdk.mlflow_stores.state import State, mark_of

# Kind of records, how many are done, and of how many when that is known.
Progress = Callable[[str, int, int | None], None]

_LARGE = 64 << 20
_MORE = {"partial": "true"}
_GOING_ON = ("RUNNING", "SCHEDULED", "IN_PROGRESS", "LOGGED_MODEL_PENDING")


class MlflowImport:
    """`wanted` are names or ids of experiments, none for all."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        report: Report,
        state: State,
        *,
        wanted: Iterable[str] = (),
        with_files: bool = True,
        progress: Progress = lambda kind, done, of: None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._report = report
        self._state = state
        self._wanted = list(wanted)
        self._with_files = with_files
        self._progress = progress
        self._ids: dict[str, str] = {}
        self._refused: set[str] = set()

    def run(self) -> None:
        """Raises ClientError when no server answers, it takes no experiment, or `wanted` names none.

        A run is shown as finished when its points, files and logged models are there, so the runs of the store
        are gone through twice.
        """
        self._experiments()
        counts = self._store.counts()
        steps: list[tuple[str, str, Iterator[Record], Callable[[Record], None]]] = [
            ("run", "runs", self._store.runs(), self._run),
            ("logged model", "logged models", self._store.logged_models(), self._logged_model),
            ("run", "links of runs", self._store.runs(), self._run_end),
            ("trace", "traces", self._store.traces(), self._trace),
            ("registered model", "registered models", self._store.registered_models(), self._registered_model),
        ]
        for kind, said, found, bring in steps:
            for done, record in enumerate(found):
                self._progress(said, done, counts.get(kind))
                bring(record)
            self._progress(said, counts.get(kind, 0), counts.get(kind))
        for kind, record_id, why in self._store.left_out():
            self._report.note(kind, record_id, why)

    def _experiments(self) -> None:
        found = {record["experiment_id"]: record for record in self._store.all_experiments()}
        if self._wanted:
            named = {name for record in found.values() for name in (record["name"], record["experiment_id"])}
            if lacking := [name for name in self._wanted if name not in named]:
                raise ClientError(f"The store has no experiment {', '.join(lacking)}. It has: {_names(found.values())}")
        for experiment_id, record in found.items():
            if self._wanted and not {record["name"], experiment_id} & set(self._wanted):
                continue
            answer = self._post("experiment", record["name"], "experiments", record)
            if answer is not None:
                self._store.experiments[experiment_id] = record
                self._ids[experiment_id] = answer["id"] or experiment_id
                if answer["created"]:
                    self._state.forget(experiment_id)
                self._count("experiment", is_new=answer["created"])
        if found and not self._ids:
            raise ClientError("\n".join(self._report.reasons()))

    def _run(self, record: Record) -> None:
        """All but its end."""
        run_id, experiment_id, mark = record["info"]["run_id"], record["info"]["experiment_id"], self._mark(record)
        if self._state.has("content of run", run_id, mark):
            self._count("run", is_new=False)
            return
        answer = self._post("run", run_id, "runs", self._here(record), **_MORE)
        if answer is None:
            return
        self._count("run", is_new=answer["created"])
        path = f"runs/{quote(run_id)}"
        is_whole = self._points(run_id, path, record)
        is_whole &= self._files("run", run_id, path, record, is_new=answer["created"])
        if is_whole:
            is_over = record["info"]["status"] not in _GOING_ON
            self._state.add("content of run", run_id, mark if is_over else "", experiment_id)

    def _run_end(self, record: Record) -> None:
        run_id, experiment_id, mark = record["info"]["run_id"], record["info"]["experiment_id"], self._mark(record)
        if run_id in self._refused or self._state.has("run", run_id, mark):
            return
        answer = self._post("run", run_id, "runs", self._here(record))
        is_over = record["info"]["status"] not in _GOING_ON
        if self._is_linked("run", run_id, answer) and is_over:
            self._state.add("run", run_id, mark, experiment_id)

    def _points(self, run_id: str, path: str, record: Record) -> bool:
        try:
            for some in _gathered(self._store.points(record)):
                answer = self._sender.post(f"{path}/metrics", some)
                self._report.points += answer.get("points", sum(map(len, some.values())))
        except (Refused, Unreadable, OSError) as error:
            self._report.note("run", run_id, f"its metrics: {error}")
            return False
        return True

    def _logged_model(self, record: Record) -> None:
        info = record["info"]
        model_id, mark = info["model_id"], self._mark(record)
        if self._state.has("logged model", model_id, mark):
            self._count("logged model", is_new=False)
            return
        here = self._here(record)
        answer = self._post("logged model", model_id, "logged-models", here, **_MORE)
        if answer is None:
            return
        self._count("logged model", is_new=answer["created"])
        path = f"logged-models/{quote(model_id)}"
        is_whole = self._files("logged model", model_id, path, record, is_new=answer["created"])
        end = self._post("logged model", model_id, "logged-models", here)
        if self._is_linked("logged model", model_id, end) and is_whole and info["status"] not in _GOING_ON:
            self._state.add("logged model", model_id, mark, info["experiment_id"])

    def _trace(self, record: Record) -> None:
        info = record["trace_info"]
        experiment_id = info["trace_location"]["mlflow_experiment"]["experiment_id"]
        trace_id, mark = info["trace_id"], self._mark(record)
        if self._state.has("trace", trace_id, mark):
            self._count("trace", is_new=False)
            return
        here = record | {"trace_info": info | records.trace_location(self._ids[experiment_id])}
        answers = [self._post("trace", trace_id, "traces", part) for part in records.trace_parts(here)]
        if None in answers:
            return
        is_new = answers[0]["created"]
        self._count("trace", is_new=is_new)
        path = f"traces/{quote(trace_id)}"
        is_whole = not records.has_attachments(record) or self._files("trace", trace_id, path, record, is_new=is_new)
        if self._is_linked("trace", trace_id, answers[-1]) and is_whole and info["state"] not in _GOING_ON:
            self._state.add("trace", trace_id, mark, experiment_id)

    def _registered_model(self, record: Record) -> None:
        name = record["name"]
        tags = records.texts(record["tags"])
        versions = sorted(self._store.model_versions(name), key=lambda version: int(version["version"]))
        if self._wanted and not self._is_of_wanted(tags, versions):
            return
        here = record | {"tags": records.pairs(sources.prompt_tags(tags, self._ids)), "aliases": []}
        answer = self._post("registered model", name, "registered-models", here)
        if answer is None:
            return
        self._count("registered model", is_new=answer["created"])
        for version in versions:
            aliases = [one["alias"] for one in record["aliases"] if one["version"] == version["version"]]
            self._model_version(version | {"aliases": aliases})

    def _is_of_wanted(self, tags: dict[str, str], versions: list[Record]) -> bool:
        """Whether a model came from an experiment that is imported."""
        runs = {version["run_id"] for version in versions if version.get("run_id")}
        is_prompt_of = bool(sources.prompt_experiments(tags) & set(self._ids))
        return is_prompt_of or any(self._state.has("content of run", run_id) for run_id in runs)

    def _model_version(self, record: Record) -> None:
        name, version = record["name"], record["version"]
        shown = f"{name}/{version}"
        source = sources.source_here(record)
        here = record | {"source": source}
        answer = self._post("model version", shown, "model-versions", here)
        if answer is None:
            return
        self._count("model version", is_new=answer["created"])
        if not self._with_files or (sources.is_address_here(source) and not answer.get("missing")):
            return
        path = f"model-versions/{quote(name, safe='')}/{version}"
        if self._files("model version", shown, path, record, is_new=False, prefix=""):
            answer = self._post("model version", shown, "model-versions", here)
        self._is_linked("model version", shown, answer)

    def _files(
        self, kind: str, record_id: str, of: str, record: Record, *, is_new: bool, prefix: str = "artifacts/"
    ) -> bool:
        """Answers whether all are there. Those that are there already are not sent again."""
        if not self._with_files:
            return True
        there: dict[str, int] | None = {} if is_new else None
        try:
            for file in self._store.files(record):
                if there is None:
                    there = self._sender.sizes(of)
                path = prefix + file.path
                if there.get(path) != file.size:
                    self._sender.put(of, path, self._watched(file))
                    self._report.files += 1
                    self._report.bytes += file.size
        except (Unreadable, Refused, OSError) as error:
            self._report.note(kind, record_id, str(error))
            return False
        return True

    def _watched(self, file: StoredFile) -> StoredFile:
        """A large one moves the bar while it is sent."""
        if file.size < _LARGE:
            return file

        def chunks() -> Iterator[bytes]:
            sent = 0
            for chunk in file.chunks():
                self._progress(f"MiB of {file.path}", sent >> 20, file.size >> 20)
                sent += len(chunk)
                yield chunk

        return replace(file, chunks=chunks)

    def _post(self, kind: str, record_id: str, path: str, record: Record, **params: str) -> Record | None:
        """None when the server refuses it, which the report tells once."""
        if record_id in self._refused:
            return None
        try:
            answer = self._sender.post(path, record, **params)
        except Refused as error:
            self._refused.add(record_id)
            self._report.note(kind, record_id, str(error))
            return None
        return answer

    def _is_linked(self, kind: str, record_id: str, answer: Record | None) -> bool:
        """Whether all that a record refers to is there; the report tells what is not."""
        missing = (answer or {}).get("missing") or ()
        for sentence in missing:
            self._report.note(kind, record_id, sentence)
        return answer is not None and not missing

    def _here(self, record: Record) -> Record:
        """With the experiment's id at the server."""
        return record | {"info": record["info"] | {"experiment_id": self._ids[record["info"]["experiment_id"]]}}

    def _mark(self, record: Record) -> str:
        return mark_of(record, with_files=self._with_files)

    def _count(self, kind: str, *, is_new: bool) -> None:
        (self._report.new if is_new else self._report.here)[kind] += 1


def _gathered(series: Iterable[tuple[str, list[Point]]]) -> Iterator[dict[str, list[Point]]]:
    """Short series together, so that a thousand metrics of one point are one request."""
    some: dict[str, list[Point]] = {}
    count = 0
    for key, points in series:
        if count + len(points) > records.POINTS or key in some:
            yield some
            some, count = {}, 0
        some[key] = points
        count += len(points)
    if some:
        yield some


def _names(found: Iterable[Record]) -> str:
    names = [record["name"] for record in found]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
