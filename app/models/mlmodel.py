"""Reads the MLmodel file of a model folder: flavours, signature and input example.

Source of the format: mlflow/models/model.py and mlflow/models/signature.py.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.kit.storage import store

LARGEST_EXAMPLE = 256 * 1024
LARGEST_FILE = 1 << 20
SIGNATURE_PARTS = ("inputs", "outputs", "params")


@dataclass(frozen=True)
class Description:
    """`signature` is decoded; `input_example` is a request body that the model's scoring server takes."""

    flavors: dict = field(default_factory=dict)
    signature: dict | None = None
    input_example: dict | None = None


def describe(key: str) -> Description | None:
    """What the MLmodel below `key` says; None when there is none that can be read."""
    text = _small(f"{key}/MLmodel", LARGEST_FILE)
    if text is None:
        return None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(document, dict):
        return None
    flavors = document.get("flavors")
    return Description(
        flavors=_plain(flavors) if isinstance(flavors, dict) else {},
        signature=_signature(document.get("signature")),
        input_example=_example(key, document.get("saved_input_example_info")),
    )


def _small(key: str, most: int) -> bytes | None:
    size = store().size(key)
    return store().read_bytes(key) if size is not None and size <= most else None


def _plain(value: Any) -> Any:
    """YAML holds dates and the like, which JSON does not."""
    return json.loads(json.dumps(value, default=str))


def _signature(found: Any) -> dict | None:
    if not isinstance(found, dict):
        return None
    return {part: _decoded(found.get(part)) for part in SIGNATURE_PARTS}


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else _plain(value)
    except ValueError:
        return None


def _example(key: str, info: Any) -> dict | None:
    if not isinstance(info, dict):
        return None
    for name, wrap in ((info.get("serving_input_path"), False), (info.get("artifact_path"), True)):
        body = _json(key, name)
        if isinstance(body, dict) and not wrap:
            return body
        if body is not None and wrap:
            return _as_request(body)
    return None


def _json(key: str, name: Any) -> Any:
    if not isinstance(name, str) or ".." in name or name.startswith("/"):
        return None
    text = _small(f"{key}/{name}", LARGEST_EXAMPLE)
    return _decoded(text.decode(errors="replace")) if text else None


def _as_request(body: Any) -> dict:
    if isinstance(body, dict) and {"columns", "data"} <= set(body):
        return {"dataframe_split": body}
    return {"inputs": body}
