"""JSON of metrics and runs by the thousand, written as text: objects to be encoded would take most of the time."""

import json
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from fastapi import Response
from sqlalchemy.orm import Session

from app.dialects.mlflow import shapes
from app.dialects.mlflow.arguments import token_after
from app.tracking import queries, runs
from app.tracking.metrics import Latest, Point

NO_LINKS: dict = {"inputs": {}}
_encode = json.JSONEncoder(ensure_ascii=False).encode
# Keys of metrics, params and tags are few and come again with every run.
_key = lru_cache(4096)(_encode)


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'"{shapes.number(value)}"'


def history(key: str, points: Iterable[Point], run: str = "") -> list[str]:
    """The points of a series; `run` is named in each where those of several runs come together."""
    head = f'{{"key": {_encode(key)}, "value": '
    tail = f', "run_id": {_encode(run)}}}' if run else "}"
    return [f'{head}{_number(value)}, "timestamp": {at}, "step": {step}{tail}' for step, at, value in points]


def found_runs(session: Session, ids: Sequence[int]) -> list[str]:
    """Whole runs in the order of the ids."""
    rows = runs.rows(session, ids)
    metrics, params, tags = (
        queries.metrics_of(session, ids),
        queries.params_of(session, ids),
        queries.tags_of(session, ids),
    )
    links = shapes.links_of(session, ids)
    return [
        _run(rows[id], metrics.get(id, ()), params.get(id, ()), tags.get(id, ()), links.get(id, NO_LINKS)) for id in ids
    ]


def _run(row: runs.RunRow, metrics: Sequence[Latest], params, tags, links: dict) -> str:
    tags = dict(tags)
    tags.setdefault("mlflow.runName", row.display_name)
    data = [f'"tags": [{_pairs(tags.items())}]']
    if params:
        data.insert(0, f'"params": [{_pairs(params)}]')
    if metrics:
        data.insert(0, f'"metrics": [{", ".join(map(_latest, metrics))}]')
    info = _encode(shapes.run_info(row, tags.get("mlflow.user")))
    return f'{{"info": {info}, "data": {{{", ".join(data)}}}, {_encode(links)[1:]}'


def _latest(metric: Latest) -> str:
    key, value, step, at = metric
    return f'{{"key": {_key(key)}, "value": {_number(value)}, "timestamp": {at}, "step": {step}}}'


def _pairs(items) -> str:
    return ", ".join([f'{{"key": {_key(key)}, "value": {_encode(value)}}}' for key, value in items])


def answer(name: str, texts: Sequence[str], **more: str) -> Response:
    """A list of encoded values under a name, left out where it is empty, as protobuf's JSON does."""
    parts = [f'"{name}": [{", ".join(texts)}]'] if texts else []
    parts += [f'"{key}": {_encode(value)}' for key, value in more.items()]
    return Response("{" + ", ".join(parts) + "}", media_type="application/json")


def paged(name: str, texts: Sequence[str], offset: int, count: int, is_last: bool) -> Response:
    return answer(name, texts, **({} if is_last else {"next_page_token": token_after(offset, count)}))
