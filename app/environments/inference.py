"""`inference_config` of an environment: where the server that its image brings is asked.

Source: the InferenceConfig and Route schemas of azure-ai-ml.
"""

from collections.abc import Mapping
from typing import Any

from app.errors import Invalid

ROUTES = ("liveness_route", "readiness_route", "scoring_route")
FIELD = "environment.inference_config"


def read(config: Any) -> dict[str, dict[str, Any]] | None:
    """Each route with `port` and `path`; None where there is no such config. Raises Invalid that names the field."""
    if not config:
        return None
    if not isinstance(config, Mapping):
        raise _wrong("", "must be a mapping with " + ", ".join(ROUTES))
    if unknown := next((name for name in config if name not in ROUTES), None):
        raise _wrong(f".{unknown}", "is not one of " + ", ".join(ROUTES))
    return {name: _route(name, config.get(name)) for name in ROUTES}


def _route(name: str, route: Any) -> dict[str, Any]:
    if not isinstance(route, Mapping):
        raise _wrong(f".{name}", "is missing; give its port and path, such as {port: 8501, path: /health}")
    try:
        port = int(route.get("port"))
    except (TypeError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise _wrong(f".{name}.port", f"is {route.get('port')!r}; it must be a number from 1 to 65535")
    path = route.get("path")
    if not isinstance(path, str) or not path.startswith("/") or any(character <= " " for character in path):
        raise _wrong(f".{name}.path", f"is {path!r}; it must begin with a slash and have no spaces")
    return {"port": port, "path": path}


def _wrong(field: str, what: str) -> Invalid:
    return Invalid(f"{FIELD}{field}: it {what}.", target=f"{FIELD}{field}")
