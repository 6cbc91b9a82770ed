"""Outputs that a job file sends to a datastore, beside the copy that the workspace keeps."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.assets.addresses import DATASTORE, InDatastore, parse
from app.datastores import service as datastores
from app.datastores.stores import Place, open_files
from app.errors import Invalid
from app.jobs.tables import Job
from app.kit.storage import safe_key

_OWN = re.compile(r"\$\{\{\s*default_datastore\s*\}\}")
_NAMES = re.compile(r"\$\{\{\s*(name|output_name)\s*\}\}")


def in_datastore(path: str | None) -> InDatastore | None:
    """The datastore that an output names; None for the workspace's own, and for what names none."""
    if not path or not path.startswith("azureml://"):
        return None
    try:
        found = parse(_OWN.sub(DATASTORE, path))
    except Invalid:
        return None
    return found if isinstance(found, InDatastore) else None


def check(session: Session, workspace_id: int, outputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises NotFound or Invalid that names the output whose datastore this server cannot write to."""
    for name, output in outputs.items():
        if address := in_datastore(output.get("path")):
            datastores.find_place(session, workspace_id, address, f"outputs.{name}.path", writes=True)


def of(session: Session, job: Job) -> dict[str, tuple[Place, str]]:
    """The datastore and the path in it of each output that has one."""
    found = {}
    for name, output in job.outputs.items():
        if address := in_datastore((output or {}).get("path")):
            names = {"name": job.name, "output_name": name}
            path = _NAMES.sub(lambda match, names=names: names[match[1]], address.path)
            datastore = datastores.get(session, job.workspace_id, address.datastore, f"outputs.{name}.path")
            found[name] = Place.of(datastore), safe_key(path)
    return found


def send(place: Place, path: str, folder: Path) -> None:
    """Write what lies in `folder` to a datastore."""
    open_files(place).upload(path, folder)
