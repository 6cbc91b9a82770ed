"""The files of what is imported: where they lie, what is here of them, and how they come."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.database import reading
from app.errors import Conflict, Invalid, NotFound
from app.jobs.places import log_key, output_key
from app.jobs.tables import Job
from app.kit.storage import safe_key, store
from app.models import queries as models
from app.traces import places as traces
from app.traces import queries as trace_queries
from app.tracking.artifacts import model_key, run_key
from app.transfer import logged_models, runs

ARTIFACTS, LOGS, OUTPUTS = "artifacts", "logs", "outputs"
KINDS = ("runs", "logged-models", "traces")


def areas_of_run(job: Job) -> dict[str, str]:
    """The folders of a run, by their name in a bundle, with their storage keys."""
    outputs = {f"{OUTPUTS}/{port}": output_key(job, port) for port in sorted(job.outputs)}
    return {ARTIFACTS: run_key(job), LOGS: log_key(job, "").rstrip("/"), **outputs}


def areas(session: Session, caller: Caller, kind: str, id: str) -> dict[str, str]:
    """The same of a run, a logged model or a trace; raises NotFound."""
    match kind:
        case "runs":
            return areas_of_run(runs.get(session, caller, id))
        case "logged-models":
            return {ARTIFACTS: model_key(logged_models.get(session, caller, id))}
        case "traces":
            return {ARTIFACTS: traces.folder_key(trace_queries.get(session, caller.workspace.id, id))}
    raise NotFound(f"{kind!r} is not one of {', '.join(KINDS)}.", target="kind")


def areas_of_version(session: Session, caller: Caller, name: str, version: str) -> dict[str, str]:
    return {"": models.get_version(session, caller.workspace.id, name, version).path}


def listed(areas: dict[str, str], *, digests: bool) -> Iterator[dict[str, Any]]:
    """What is here, by path: `{"path", "size"}`, and `sha256` where it is asked for."""
    for area, root in areas.items():
        for entry in sorted(store().walk(root), key=lambda entry: entry.path):
            shown = {"path": f"{area}/{entry.path}".lstrip("/"), "size": entry.size}
            yield shown | ({"sha256": sha256(store().read(f"{root}/{entry.path}")).hex()} if digests else {})


def sha256(pieces: Iterable[bytes]) -> bytes:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.digest()


def place(areas: dict[str, str], path: str) -> str:
    """The storage key of a path below one of the areas."""
    path = safe_key(path)
    for area, root in areas.items():
        below = path.removeprefix(f"{area}/") if area else path
        if below and (below != path or not area):
            return safe_key(root, below)
    raise Invalid(f"path: {path!r} lies in none of {', '.join(areas)}.", target="path")


def open_to_write(caller: Caller, path: str, *owner: str) -> str:
    """`place` with a session of its own, so that none is open while a file comes in."""
    with reading() as session:
        found = areas_of_version(session, caller, *owner[1:]) if len(owner) > 2 else areas(session, caller, *owner)
    return place(found, path)


def digest_of(header: str) -> bytes | None:
    """The SHA-256 of a Content-Digest header (RFC 9530); None where there is none."""
    if not header:
        return None
    algorithm, _, value = header.partition("=")
    try:
        found = base64.b64decode(value.strip().strip(":"), validate=True)
    except binascii.Error:
        found = b""
    if algorithm.strip().lower() != "sha-256" or len(found) != 32:
        raise Invalid("Content-Digest: it has the form sha-256=:BASE64:.", target="content-digest")
    return found


def take(key: str, pieces: Iterator[bytes], expected: bytes | None) -> bool:
    """Store a file, whole or not at all; false where it is here already. Raises Conflict where another is here."""
    if store().size(key) is None:
        store().write(key, _checked(pieces, expected))
        return True
    here, given = sha256(store().read(key)), sha256(_checked(pieces, expected))
    if here != given:
        raise Conflict("path: another file is here already. It was left as it is.", target="path")
    return False


def _checked(pieces: Iterator[bytes], expected: bytes | None) -> Iterator[bytes]:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
        yield piece
    if expected is not None and found.digest() != expected:
        raise Invalid("The file came in with another SHA-256 than its Content-Digest says.", target="content-digest")
