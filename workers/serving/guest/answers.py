"""Turns what models return into JSON."""

import base64
import json
import math
from datetime import date, datetime
from typing import Any


def plain(value: Any) -> Any:
    """Lists, objects, strings, numbers and null for arrays, frames, tensors and what contains them.

    Raises TypeError for what has no such form.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date | datetime):
        return value.isoformat()
    return _of_library(value)


def _of_library(value: Any) -> Any:
    """Known by what they offer, so that no library is imported that the environment lacks."""
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return plain(value.to_dict(orient="records"))
    if hasattr(value, "detach"):
        return plain(value.detach().cpu().tolist())
    for method in ("tolist", "to_list", "model_dump"):
        if hasattr(value, method):
            return plain(getattr(value, method)())
    raise TypeError(f"{type(value).__name__} is not JSON serializable. Return lists, objects, strings or numbers.")


def wrap(predictions: Any, wrapped: bool) -> Any:
    """As MLflow answers, or bare as Azure does."""
    return {"predictions": predictions} if wrapped else predictions


def encode(value: Any) -> bytes:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()
