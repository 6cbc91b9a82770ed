"""Outputs that a job file sends to a place in a datastore, beside the copy that is kept with the job."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.assets.addresses import InDatastore, Stored, is_kept, output_place
from app.datastores import service as datastores
from app.datastores.stores import Place, open_files
from app.jobs.places import workspace_root
from app.jobs.tables import Job
from app.kit.storage import safe_key, store

NAME = re.compile(r"\$\{\{\s*name\s*\}\}")
_NAMES = re.compile(r"\$\{\{\s*(name|output_name)\s*\}\}")


def filled(path: str, **names: str) -> str:
    """A path with `${{name}}` and `${{output_name}}` filled in."""
    return _NAMES.sub(lambda found: names[found[1]], path)


def filled_input(port: dict[str, Any], name: str) -> dict[str, Any]:
    """An input of a job with `${{name}}` filled in where it lies: what a step wrote to such a path is read again."""
    places = ("path", "key", "file", "url")
    return {key: NAME.sub(name, value) if key in places else value for key, value in port.items()}


def in_datastore(path: str | None) -> InDatastore | None:
    """The datastore that an output names; None for the workspace's own, and for what names none."""
    found = output_place(path)
    return found if isinstance(found, InDatastore) else None


def check(session: Session, workspace_id: int, outputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises NotFound or Invalid that names the output whose datastore this server cannot write to."""
    for name, output in outputs.items():
        if address := in_datastore(output.get("path")):
            datastores.find_place(session, workspace_id, address, f"outputs.{name}.path", writes=True)


def of(session: Session, job: Job) -> dict[str, tuple[Place | None, str]]:
    """The datastore, None for the workspace's own, and the path in it of each output that has one."""
    found: dict[str, tuple[Place | None, str]] = {}
    for name, output in job.outputs.items():
        address = output_place((output or {}).get("path"))
        if not isinstance(address, InDatastore | Stored):
            continue
        path = safe_key(filled(address.path, name=job.name, output_name=name))
        if isinstance(address, InDatastore):
            datastore = datastores.get(session, job.workspace_id, address.datastore, f"outputs.{name}.path")
            found[name] = Place.of(datastore), path
        elif not is_kept(path):
            found[name] = None, f"{workspace_root(job)}/{path}"
    return found


def send(place: Place | None, path: str, folder: Path) -> None:
    """Write what lies in `folder` to a datastore."""
    (open_files(place) if place else store()).upload(path, folder)
