"""The pieces of MLflow's file store: folders, one file a param, tag and metric, and what meta.yaml says."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from app.sdk.mlflow_stores import records
from app.sdk.mlflow_stores.records import Point, Record

# MLflow writes a state by its number in service.proto.
RUN_STATES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
# The last point of a series is within so many bytes of its file's end.
_TAIL = 4096


def subfolders(folder: Path) -> Iterator[Path]:
    """In the order of their names; none where `folder` is missing."""
    if folder.is_dir():
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
        yield from (folder / name for name in names)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Key and file of every param, tag or metric: a key with slashes lies in folders."""
    for parent, names, found in os.walk(folder):
        names.sort()
        for name in sorted(found):
            file = Path(parent, name)
            yield file.relative_to(folder).as_posix(), file


def values(folder: Path) -> dict[str, str]:
    return {key: file.read_bytes().decode("utf-8", "replace") for key, file in files(folder)}


def point(line: str) -> Point:
    """`timestamp value [step [dataset name and digest]]`. Raises ValueError or IndexError."""
    words = line.split()
    return [records.number(float(words[1])), int(words[0]), int(words[2]) if len(words) > 2 else 0]


def latest(key: str, file: Path) -> Record:
    """The last point; its value is None when the line is no point."""
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - _TAIL))
        last = deque((line for line in lines if line.strip()), maxlen=1)
    try:
        value, timestamp, step = point(last[0].decode())
    except (ValueError, IndexError):
        value, timestamp, step = None, None, None
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def artifacts(recorded: Any, folder: Path) -> str:
    """Where artifacts lie: as recorded, or beside the record when the store was moved since."""
    own = folder / "artifacts"
    local = local_path(str(recorded or own))
    return str(own) if local is not None and not local.exists() and own.is_dir() else str(recorded or own)


def local_path(uri: str) -> Path | None:
    """The folder that a path or `file:` address names; None for every other address."""
    parsed = urlparse(uri)
    if parsed.scheme == "file":
        return Path(url2pathname(parsed.path))
    return None if len(parsed.scheme) > 1 else Path(uri)


def run_info(folder: Path, meta: Record) -> Record:
    status = meta.get("status", 1)
    return {
        "run_id": str(meta.get("run_id") or meta.get("run_uuid") or folder.name),
        "run_name": meta.get("run_name") or meta.get("name"),
        "experiment_id": str(meta["experiment_id"]),
        "user_id": meta.get("user_id"),
        "status": RUN_STATES.get(status, str(status)),
        "start_time": meta.get("start_time"),
        "end_time": meta.get("end_time"),
        "lifecycle_stage": meta.get("lifecycle_stage") or "active",
        "artifact_uri": artifacts(meta.get("artifact_uri"), folder),
    }


def logged_model(folder: Path, meta: Record) -> Record:
    info = {
        "model_id": meta["model_id"],
        "experiment_id": str(meta["experiment_id"]),
        "name": meta["name"],
        "artifact_uri": artifacts(meta.get("artifact_location"), folder),
        "creation_timestamp_ms": meta.get("creation_timestamp"),
        "last_updated_timestamp_ms": meta.get("last_updated_timestamp"),
        "model_type": meta.get("model_type"),
        "source_run_id": meta.get("source_run_id"),
        "status": MODEL_STATES.get(meta.get("status"), "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        "status_message": meta.get("status_message"),
        "lifecycle_stage": meta.get("lifecycle_stage") or "active",
        "tags": records.pairs(values(folder / "tags")),
    }
    metrics = [
        _model_metric(info["model_id"], key, line)
        for key, file in files(folder / "metrics")
        for line in file.read_text("utf-8").splitlines()
        if line.strip()
    ]
    return {"info": info, "data": {"params": records.pairs(values(folder / "params")), "metrics": metrics}}


def _model_metric(model_id: str, key: str, line: str) -> Record:
    """`timestamp value step run_id [dataset name and digest]`; a dataset's name may hold spaces."""
    value, timestamp, step = point(line)
    run_id, *dataset = line.split()[3:]
    made = {"key": key, "value": value, "timestamp": timestamp, "step": step, "run_id": run_id, "model_id": model_id}
    if len(dataset) > 1:
        made |= {"dataset_name": " ".join(dataset[:-1]), "dataset_digest": dataset[-1]}
    return made


def trace_info(folder: Path, meta: Record) -> Record:
    """Of MLflow 3, or of MLflow 2, which knew a trace as a request."""
    tags, metadata = values(folder / "tags"), values(folder / "request_metadata")
    tags[records.ARTIFACTS] = artifacts(tags.get(records.ARTIFACTS), folder)
    if "request_id" in meta:
        return records.trace_info(
            meta["request_id"],
            str(meta["experiment_id"]),
            started_ms=meta.get("timestamp_ms"),
            took_ms=meta.get("execution_time_ms"),
            state=meta.get("status"),
            tags=tags,
            metadata=metadata,
        )
    took = meta.pop("execution_duration_ms", None)
    made = meta | {"tags": tags, "trace_metadata": metadata}
    return made if took is None else made | {"execution_duration": records.duration(took)}
