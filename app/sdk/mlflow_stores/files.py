"""Reads MLflow's file store, the folder `mlruns` (layout: mlflow/store/tracking/file_store.py)."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from app.sdk.mlflow_stores import layout, records
from app.sdk.mlflow_stores.artifacts import Artifacts, StoredFile
from app.sdk.mlflow_stores.layout import subfolders
from app.sdk.mlflow_stores.records import Note, Point, Record, Unreadable

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_META, _TRASH, _REGISTRY = "meta.yaml", ".trash", "models"
_RESERVED = {"tags", "datasets", "traces", "models", _TRASH}
# What a record can lack or hold that MLflow would not have written.
_BROKEN = (Unreadable, KeyError, IndexError, TypeError, ValueError, OSError)


class FileStore:
    """Raises Unreadable when `folder` holds no store."""

    def __init__(self, folder: Path, artifacts: Artifacts, note: Note) -> None:
        self.identity = str(folder.resolve())
        self.experiments: dict[str, Record] = {}
        self._root = folder
        self._artifacts = artifacts
        self._note = note
        self._folders: dict[str, Path] = {}
        if not any((one / _META).is_file() for one in self._experiment_folders()):
            raise Unreadable(
                f"{folder} is no file store of MLflow: no folder in it holds the {_META} of an experiment."
            )

    def close(self) -> None:
        """Nothing stays open."""

    def counts(self) -> dict[str, int]:
        folders = {"run": self._run_folders, "logged model": self._model_folders, "trace": self._trace_folders}
        return {kind: sum(1 for _ in found()) for kind, found in folders.items()}

    def all_experiments(self) -> Iterator[Record]:
        return self._each("experiment", self._experiment_folders(), self._experiment)

    def _experiment_folders(self) -> Iterator[Path]:
        for parent in (self._root, self._root / _TRASH):
            yield from (one for one in subfolders(parent) if one.name not in (_TRASH, _REGISTRY))

    def _experiment(self, folder: Path, meta: Record) -> Record:
        experiment_id = str(meta.get("experiment_id", folder.name))
        self._folders[experiment_id] = folder
        return {
            "experiment_id": experiment_id,
            "name": str(meta.get("name") or experiment_id),
            "lifecycle_stage": "deleted" if folder.parent.name == _TRASH else "active",
            "creation_time": meta.get("creation_time"),
            "last_update_time": meta.get("last_update_time"),
            "tags": records.pairs(layout.values(folder / "tags")),
        }

    def _run_folders(self) -> Iterator[Path]:
        for experiment_id in self.experiments:
            yield from (one for one in subfolders(self._folders[experiment_id]) if one.name not in _RESERVED)

    def _model_folders(self) -> Iterator[Path]:
        for experiment_id in self.experiments:
            yield from subfolders(self._folders[experiment_id] / "models")

    def _trace_folders(self) -> Iterator[Path]:
        for experiment_id in self.experiments:
            yield from subfolders(self._folders[experiment_id] / "traces")

    def _each(
        self, kind: str, folders: Iterable[Path], make: Callable[[Path, Record], Record], file: str = _META
    ) -> Iterator[Record]:
        """What is broken is told and left out."""
        for folder in folders:
            meta = self._meta(kind, folder, file)
            if meta is None:
                continue
            try:
                made = make(folder, meta)
            except _BROKEN as error:
                said = str(error) if isinstance(error, Unreadable) else f"it is not as MLflow writes it ({error!r})"
                self._note(kind, folder.name, said)
            else:
                yield made

    def _meta(self, kind: str, folder: Path, file: str = _META) -> Record | None:
        try:
            found = yaml.load((folder / file).read_bytes(), Loader=_Loader)
            if isinstance(found, dict):
                return found
            why = "it holds no mapping"
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or " ".join(str(error).split())
        self._note(kind, folder.name, f"its {file} cannot be read: {why}")
        return None

    def runs(self) -> Iterator[Record]:
        return self._each("run", self._run_folders(), self._run)

    def _run(self, folder: Path, meta: Record) -> Record:
        # Stores of MLflow 0.x keep tags in meta.yaml.
        tags = {tag["key"]: tag["value"] for tag in meta.get("tags") or ()} | layout.values(folder / "tags")
        inputs = list(self._each("input", subfolders(folder / "inputs"), self._input))
        outputs = self._each("output", subfolders(folder / "outputs"), _output)
        return {
            "info": layout.run_info(folder, meta),
            "data": {
                "params": records.pairs(layout.values(folder / "params")),
                "tags": records.pairs(tags),
                "metrics": [layout.latest(key, file) for key, file in layout.files(folder / "metrics")],
            },
            "inputs": {
                "dataset_inputs": [one for one in inputs if "dataset" in one],
                "model_inputs": [one for one in inputs if "model_id" in one],
            },
            "outputs": {"model_outputs": list(outputs)},
            "folder": str(folder),
        }

    def _input(self, folder: Path, meta: Record) -> Record:
        if meta["source_type"] != "DATASET":
            return {"model_id": meta["destination_id"]}
        place = folder.parent.parent.parent / "datasets" / str(meta["source_id"])
        dataset = self._meta("dataset", place)
        if dataset is None:
            raise Unreadable("its dataset cannot be read")
        return {"tags": records.pairs(meta.get("tags") or {}), "dataset": dataset}

    def points(self, run: Record) -> Iterator[tuple[str, list[Point]]]:
        run_id = run["info"]["run_id"]
        for key, file in layout.files(Path(run["folder"]) / "metrics"):
            with file.open(encoding="utf-8", errors="replace") as lines:
                for some in records.batches(lines, records.POINTS):
                    yield key, list(self._points(run_id, key, some))

    def _points(self, run_id: str, key: str, lines: Iterable[str]) -> Iterator[Point]:
        for line in lines:
            try:
                yield layout.point(line)
            except (ValueError, IndexError):
                if line.strip():
                    self._note(
                        "run", run_id, f"a point of metric {key} is not as MLflow writes it: {line.strip()[:80]}"
                    )

    def logged_models(self) -> Iterator[Record]:
        return self._each("logged model", self._model_folders(), layout.logged_model)

    def traces(self) -> Iterator[Record]:
        return self._each("trace", self._trace_folders(), self._trace, "trace_info.yaml")

    def _trace(self, folder: Path, meta: Record) -> Record:
        info = layout.trace_info(folder, meta)
        found = sorted((folder / "assessments").glob("*.yaml"))
        read = (self._meta("assessment", file.parent, file.name) for file in found)
        info["assessments"] = [one for one in read if one is not None]
        spans = folder / "artifacts" / records.SPANS_FILE
        return {
            "trace_info": info,
            "spans": records.spans_of(spans.read_bytes()) if spans.is_file() else [],
            "runs": [],
        }

    def registered_models(self) -> Iterator[Record]:
        return self._each("registered model", subfolders(self._root / _REGISTRY), _registered_model)

    def model_versions(self, name: str) -> Iterator[Record]:
        found = [one for one in subfolders(self._root / _REGISTRY / name) if one.name.startswith("version-")]
        found.sort(key=lambda one: (len(one.name), one.name))
        return self._each("model version", found, _model_version)

    def files(self, record: Record) -> Iterator[StoredFile]:
        return self._artifacts.files_of(record)

    def left_out(self) -> Iterator[tuple[str, str, str]]:
        """A file store holds nothing else."""
        yield from ()


def _output(folder: Path, meta: Record) -> Record:
    return {"model_id": meta.get("destination_id", folder.name), "step": meta.get("step", 0)}


def _registered_model(folder: Path, meta: Record) -> Record:
    aliases = {str(name): str(version) for name, version in (meta.get("aliases") or {}).items()}
    aliases |= {name: version.strip() for name, version in layout.values(folder / "aliases").items()}
    return {
        "name": str(meta["name"]),
        "description": meta.get("description"),
        "creation_timestamp": meta.get("creation_timestamp"),
        "last_updated_timestamp": meta.get("last_updated_timestamp"),
        "tags": records.pairs(layout.values(folder / "tags")),
        "aliases": [{"alias": name, "version": version} for name, version in aliases.items()],
    }


def _model_version(folder: Path, meta: Record) -> Record:
    made = {key: value for key, value in meta.items() if key not in ("storage_location", "workspace", "aliases")}
    return made | {
        "version": str(meta["version"]),
        "artifact_uri": meta.get("storage_location") or meta.get("source"),
        "tags": records.pairs(layout.values(folder / "tags")),
    }
