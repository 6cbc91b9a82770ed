"""Which names and values a run may log: MLflow's rules (mlflow/utils/validation.py)."""

import posixpath
import re

from app.errors import Invalid

_NAME = re.compile(r"[/\w.\- :]+")
LONGEST_KEY = 250
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
MOST_METRICS, MOST_PARAMS, MOST_TAGS, MOST_TOGETHER = 1000, 100, 100, 1000
LARGEST_INTEGER = 2**63 - 1


def check_key(key: str, what: str) -> str:
    """The key itself; `what` is metric, param or tag."""
    if len(key) > LONGEST_KEY:
        raise Invalid(f"{what.capitalize()} name exceeds the maximum length of {LONGEST_KEY} characters.", target="key")
    if not _NAME.fullmatch(key):
        raise Invalid(
            f"Invalid value {key!r} for parameter 'key' supplied: {what} names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colons (:) and slashes (/).",
            target="key",
        )
    if "/" in key or key in (".", ".."):
        _check_path(key, what)
    return key


def _check_path(key: str, what: str) -> None:
    if posixpath.normpath(key) != key or key in (".", "..") or key.startswith(("/", "../")):
        raise Invalid(
            f"Invalid {what} name {key!r}: it is read as a path, so it must be relative, "
            "without '..', '.' or doubled slashes.",
            target="key",
        )


def check_value(key: str, value: str, what: str, longest: int) -> str:
    """The value, cut to what is kept: MLflow's server cuts as well, and its autologging relies on it."""
    if "\x00" in value:
        raise Invalid(f"{what.capitalize()} {key!r} holds a NUL character.", target="value")
    return value[:longest]


def check_batch(metrics: int, params: int, tags: int) -> None:
    for count, most, what in (
        (metrics, MOST_METRICS, "metrics"),
        (params, MOST_PARAMS, "params"),
        (tags, MOST_TAGS, "tags"),
    ):
        if count > most:
            raise Invalid(
                f"A batch logging request can contain at most {most} {what}. Got {count} {what}. "
                f"Please split up {what} across multiple requests and try again.",
                target=what,
            )
    if metrics + params + tags > MOST_TOGETHER:
        raise Invalid(
            f"A batch logging request can contain at most {MOST_TOGETHER} metrics, params and tags in all. "
            f"Got {metrics + params + tags}.",
            target="metrics",
        )
