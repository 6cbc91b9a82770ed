"""Reads the Dockerfile of a build context that lies in a workspace's store."""

from itertools import islice
from pathlib import PurePosixPath

from app.assets.addresses import Stored, parse
from app.environments.dockerfile import Image, read_dockerfile
from app.errors import Invalid, NotFound
from app.kit.storage import safe_key, store

MOST_BYTES = 1 << 20
MOST_FILES = 10_000
FIELD = "environment.build.path"


def stored(workspace_id: int, build: dict[str, str]) -> dict[str, str]:
    """`key`, the storage key of a build context, and `dockerfile_path` in it; raises Invalid for one elsewhere."""
    address = parse(build["path"], FIELD)
    if not isinstance(address, Stored):
        raise Invalid(
            f"{FIELD}: {build['path']!r} is no folder of this server; give a local folder, which is uploaded, or list "
            "the packages in `conda_file`.",
            target=FIELD,
        )
    key = f"workspaces/{workspace_id}/{safe_key(address.path)}"
    return {"key": key, "dockerfile_path": build.get("dockerfile_path") or "Dockerfile"}


def read_context(workspace_id: int, build: dict[str, str]) -> Image:
    """Raises NotFound where the context has no such Dockerfile, and Invalid for one that cannot be read."""
    found = stored(workspace_id, build)
    key, dockerfile = found["key"], found["dockerfile_path"]
    files = [entry.path for entry in islice(store().walk(key), MOST_FILES)]

    def read_file(name: str) -> str | None:
        path = _within(files, name)
        return _text(f"{key}/{path}", path) if path else None

    text = read_file(dockerfile)
    if text is None:
        raise NotFound(f"environment.build.dockerfile_path: the build context has no {dockerfile!r}.", target=FIELD)
    return read_dockerfile(text, read_file, dockerfile)


def _within(files: list[str], name: str) -> str | None:
    """A file of the context by the name that it has there, or by the one under which the image has it."""
    wanted = str(PurePosixPath(name)).lstrip("/")
    last = PurePosixPath(wanted).name
    return next((path for path in files if path == wanted), None) or next(
        (path for path in files if PurePosixPath(path).name == last), None
    )


def _text(key: str, path: str) -> str:
    if (store().size(key) or 0) > MOST_BYTES:
        raise Invalid(f"{path}: it has more than {MOST_BYTES:,} bytes, so it is no list of packages.", target=FIELD)
    return b"".join(store().read(key)).decode(errors="replace")
