"""The files of traces: spans that a client kept as a file, and attachments."""

import json
from typing import Any

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.database import reading
from app.errors import NotFound
from app.kit.storage import safe_key, store
from app.traces import queries
from app.traces.tables import Trace
from app.tracking.artifacts import root_uri, tracking_key

DATA = "traces.json"
LARGEST_SHOWN = 64 << 20


def uri(trace: Trace) -> str:
    return f"{root_uri(trace)}/traces/{trace.name}/artifacts"


def folder_key(trace: Trace) -> str:
    return f"{tracking_key(trace.workspace_id)}/{trace.files_folder}/traces/{trace.name}/artifacts"


def leads_to_trace(path: str) -> bool:
    """Whether an artifact path has the form `EXPERIMENT/traces/TRACE/artifacts/…`."""
    parts = safe_key(path).split("/")
    return len(parts) > 3 and parts[1] == "traces" and parts[3] == "artifacts"


def writable_key(session: Session, caller: Caller, path: str) -> str:
    """The storage key of a path that the caller may write; raises NotFound when its trace does not exist."""
    key = safe_key(tracking_key(caller.workspace.id), path)
    trace = queries.get_writable(session, caller, safe_key(path).split("/")[2])
    if not key.startswith(f"{folder_key(trace)}/"):
        raise NotFound(f"There is nothing at the artifact path {path!r}.", target="path")
    return key


def open_to_write(caller: Caller, path: str) -> str:
    """`writable_key` with a session of its own, so that none is open while a file comes in."""
    with reading() as session:
        return writable_key(session, caller, path)


def stored_spans(trace: Trace) -> list[dict[str, Any]]:
    """The spans of a trace that its client kept as a file, as MLflow writes them; empty where there are none."""
    key = f"{folder_key(trace)}/{DATA}"
    size = store().size(key)
    if size is None or size > LARGEST_SHOWN:
        return []
    try:
        found = json.loads(b"".join(store().read(key)))
    except ValueError:
        return []
    spans = found.get("spans") if isinstance(found, dict) else None
    return [span for span in spans if isinstance(span, dict)] if isinstance(spans, list) else []
