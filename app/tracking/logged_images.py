"""Pictures that MLflow's `log_image` stored by key and step."""

import re
from collections.abc import Iterable

# mlflow/tracking/client.py, log_image: "+" parts the name since MLflow 3, "%" before; a slash of the key is "~" or "#".
_NAME = re.compile(
    r"images/(?P<key>.+?)(?P<mark>[+%])step(?P=mark)(?P<step>-?\d{1,18})(?P=mark)timestamp(?P=mark)(?P<time>\d{1,18})"
    r"(?P=mark)[0-9a-f-]{36}(?P<small>(?P=mark)compressed)?\.\w+"
)
FOLDER = "images"


def is_logged(path: str) -> bool:
    return _NAME.fullmatch(path) is not None


def by_key(paths: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """For each key, in order, the paths of its pictures by step: of those of one step the newest, in full size."""
    found: dict[str, dict[int, tuple[int, str]]] = {}
    for path in paths:
        name = _NAME.fullmatch(path)
        if not name or name["small"]:
            continue
        steps = found.setdefault(name["key"].replace("~", "/").replace("#", "/"), {})
        step, time = int(name["step"]), int(name["time"])
        steps[step] = max(steps.get(step, (-1, "")), (time, path))
    return {key: [(step, path) for step, (_, path) in sorted(steps.items())] for key, steps in sorted(found.items())}
