"""Writes a bundle of what is here, piece by piece; no session stays open while the pieces leave."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import reading
from app.errors import AtelierError
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.storage import safe_key, store
from app.models import sources
from app.models.tables import ModelVersion, RegisteredModel
from app.traces.places import folder_key
from app.traces.tables import Trace
from app.tracking.artifacts import model_key
from app.tracking.tables import LoggedModel
from app.transfer import evaluation, reviews
from app.transfer import export_records as records
from app.transfer.bundle import BundleWriter, line
from app.transfer.files import ARTIFACTS, areas_of_run, sha256
from app.transfer.hiding import without_passwords
from app.transfer.records import PART
from app.transfer.selection import Selection, batches, in_order

Folders = list[tuple[str, str]]
"""Names of folders in the bundle, each with its storage key."""


def export(selection: Selection) -> Iterator[bytes]:
    """The bytes of a bundle: the same for the same content on every server."""
    writer, export = BundleWriter(), _Export(selection)
    yield from writer.header()
    for name, lines in export.parts():
        yield from writer.member(name, lines())
        folders, export.folders = export.folders, []
        for folder, key in folders:
            yield from _files(writer, folder, key)
    yield from writer.end()


def _files(writer: BundleWriter, folder: str, key: str) -> Iterator[bytes]:
    if store().size(key) is not None:
        yield from writer.member(f"{folder}/{key.rpartition('/')[2]}", store().read(key))
    for path in _paths(key):
        yield from writer.member(f"{folder}/{path}", store().read(f"{key}/{path}"))


def _paths(key: str) -> list[str]:
    return sorted(entry.path for entry in store().walk(key))


def _line(record: dict[str, Any]) -> bytes:
    return line(without_passwords(record))


_OF_EXPERIMENTS = {
    "label-schemas": reviews.of_questions,
    "review-queues": reviews.of_queues,
    "review-items": reviews.of_items,
    "issues": reviews.of_issues,
    "scorers": evaluation.of_scorers,
    "evaluation-datasets": evaluation.of_datasets,
}
"""Members whose lines are few, in the order in which they can be imported."""


@dataclass
class _Export:
    """`folders` are those whose files come next. `codes` are the folders of code that runs share."""

    selection: Selection
    folders: Folders = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)

    def parts(self) -> Iterator[tuple[str, Callable[[], Iterator[bytes]]]]:
        """The members that hold records, in the order in which they can be imported."""
        yield "experiments.jsonl", self._experiments
        yield "runs.jsonl", self._runs
        yield "metrics.jsonl", self._metrics
        yield "logged-models.jsonl", self._logged_models
        yield "traces.jsonl", self._traces
        for name, of_rows in _OF_EXPERIMENTS.items():
            yield f"{name}.jsonl", partial(self._of_experiments, of_rows)
        yield "evaluation-records.jsonl", self._evaluation_records
        yield "registered-models.jsonl", self._registered_models
        yield "model-versions.jsonl", self._versions

    def _experiments(self) -> Iterator[bytes]:
        with reading() as session:
            rows = [session.get_one(Experiment, id) for id in self.selection.experiments]
        for row in rows:
            number = self.selection.number(row.id)
            yield _line(records.experiment(row) | {"experiment_id": number})

    def _job_ids(self) -> list[int]:
        with reading() as session:
            return in_order(session, self.selection.jobs(), Job.name)

    def _runs(self) -> Iterator[bytes]:
        for ids in batches(self._job_ids()):
            with reading() as session:
                found = list(records.of_runs(session, self.selection, ids))
            for job, record in found:
                if job.code:
                    record[PART]["code"] = self._code(job.code)
                self.folders += [(f"runs/{job.name}/{area}", key) for area, key in areas_of_run(job).items()]
                yield _line(record)

    def _code(self, key: str) -> str:
        """The name in the bundle of the code at a key: by its content, so that the same code is there once."""
        if key not in self.codes:
            found = hashlib.sha256()
            for path in _paths(key) or [""]:
                found.update(f"{path}\0".encode() + sha256(store().read(safe_key(key, path))))
            name = self.codes[key] = f"code/{found.hexdigest()}/{key.rpartition('/')[2]}"
            if list(self.codes.values()).count(name) == 1:
                single = store().size(key) is not None
                self.folders.append((name.rpartition("/")[0] if single else name, key))
        return self.codes[key]

    def _metrics(self) -> Iterator[bytes]:
        for ids in batches(self._job_ids()):
            with reading() as session:
                names = dict(session.execute(select(Job.id, Job.name).where(Job.id.in_(ids))).all())
            for id in filter(names.__contains__, ids):
                yield from map(_line, records.series(id, names[id]))

    def _logged_models(self) -> Iterator[bytes]:
        with reading() as session:
            ordered = in_order(session, self.selection.logged_models(), LoggedModel.id)
        for ids in batches(ordered):
            with reading() as session:
                found = list(records.of_logged_models(session, self.selection, ids))
            for model, record in found:
                self.folders.append((f"logged-models/{model.id}/{ARTIFACTS}", model_key(model)))
                yield _line(record)

    def _traces(self) -> Iterator[bytes]:
        with reading() as session:
            ordered = in_order(session, self.selection.traces(), Trace.name)
        for ids in batches(ordered, 20):
            with reading() as session:
                found = list(records.of_traces(session, self.selection, ids))
            for trace, record in found:
                self.folders.append((f"traces/{trace.name}/{ARTIFACTS}", folder_key(trace)))
                yield _line(record)

    def _of_experiments(self, of_rows: Callable[[Session, Selection], Iterator[dict]]) -> Iterator[bytes]:
        with reading() as session:
            found = list(of_rows(session, self.selection))
        yield from map(_line, found)

    def _evaluation_records(self) -> Iterator[bytes]:
        with reading() as session:
            ids = [row.id for row in evaluation.selected(session, self.selection)]
        for id in ids:
            after = 0
            while True:
                with reading() as session:
                    record, after = evaluation.of_records(session, id, after)
                if record is None:
                    break
                yield _line(record)

    def _versions_in_order(self, session) -> list[ModelVersion]:
        found = [session.get_one(ModelVersion, id) for (id,) in session.execute(self.selection.versions())]
        return sorted(found, key=lambda version: (version.model.name, version.version))

    def _registered_models(self) -> Iterator[bytes]:
        with reading() as session:
            models: dict[int, RegisteredModel] = {row.model_id: row.model for row in self._versions_in_order(session)}
        yield from (_line(records.registered_model(row)) for row in models.values())

    def _versions(self) -> Iterator[bytes]:
        with reading() as session:
            rows = self._versions_in_order(session)
            found = list(records.of_versions(session, self.selection, rows))
            self.folders += [
                (f"model-versions/{row.model.name}/{row.version}", row.path)
                for row in rows
                if not self._is_copy(session, row)
            ]
        yield from map(_line, found)

    def _is_copy(self, session, version: ModelVersion) -> bool:
        """Whether a version holds what lies in the bundle already, with the run or model that it came from."""
        try:
            source = sources.resolve(session, self.selection.workspace_id, version.source)
        except AtelierError:
            return False
        models, jobs = self.selection.logged_models(), self.selection.jobs()
        if source.logged_model:
            is_held = session.scalar(models.where(LoggedModel.id == source.logged_model)) is not None
        else:
            is_held = source.job is not None and session.scalar(jobs.where(Job.id == source.job.id)) is not None
        return is_held and _sizes(source.key) == _sizes(version.path)


def _sizes(key: str) -> list[tuple[str, int]]:
    size = store().size(key)
    if size is not None:
        return [(key.rpartition("/")[2], size)]
    return sorted((entry.path, entry.size) for entry in store().walk(key))
