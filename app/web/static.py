"""Static files under addresses that change with their content, so that browsers may keep them for ever."""

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.settings import PROJECT

FOLDER = PROJECT / "static"


@lru_cache(maxsize=1024)
def _version(path: str, changed: float) -> str:
    return hashlib.sha256((FOLDER / path).read_bytes()).hexdigest()[:10]


def static(path: str) -> str:
    """The address of a file below `static/`."""
    file = FOLDER / path
    return f"/static/{path}?v={_version(path, file.stat().st_mtime)}" if file.is_file() else f"/static/{path}"


class CachedFiles(StaticFiles):
    def __init__(self) -> None:
        super().__init__(directory=Path(FOLDER), check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        versioned = b"v=" in scope["query_string"]
        # Modules import each other without a version, so those are asked for again each time.
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return answer
