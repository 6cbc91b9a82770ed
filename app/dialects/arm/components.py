"""Components as Azure's clients make and read them: the component file as a JSON object."""

from typing import Any

import yaml
from fastapi import Request
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.components import service
from app.components.permissions import READ, WRITE
from app.components.queries import COMPONENTS
from app.components.tables import ComponentVersion
from app.dialects.arm import answers, asset_ids, code_files, codes
from app.dialects.arm.assets import Asset, routes
from app.dialects.arm.job_nodes import node_of, node_shown, task_of
from app.errors import Conflict, Invalid
from app.jobs.components import read_component

ANONYMOUS = "azureml_anonymous"
_DESCRIBING = {"version", "description", "tags", "display_name", "properties"}
_UNSAID = ("$schema", "schema", "_source", "id", "creation_context")


def document_of(workspace_id: int, spec: dict[str, Any]) -> dict[str, Any]:
    """A component file from what a client sends: addresses for ids of code, references for ids of assets."""
    document = {name: value for name, value in spec.items() if name not in _UNSAID and value is not None}

    def find_code(id: str) -> str:
        return code_files.address_of(workspace_id, id, "properties.componentSpec.code")

    if code := document.get("code"):
        document["code"] = find_code(code)
    if isinstance(document.get("environment"), str):
        document["environment"] = asset_ids.reference(document["environment"])
    if "jobs" in document:
        document["jobs"] = {
            name: node_of(node, find_code) for name, node in document["jobs"].items() if isinstance(node, dict)
        }
    if isinstance(document.get("task"), dict):
        document["task"] = task_of(document["task"], find_code)
    return document


def _spec(asked: dict) -> dict[str, Any]:
    spec = asked.get("componentSpec")
    if not isinstance(spec, dict):
        raise Invalid("properties.componentSpec: it is missing, or no object.", target="properties.componentSpec")
    return spec


def _told(request: Request, found: ComponentVersion) -> dict:
    spec = {name: value for name, value in found.spec.items() if value not in (None, {}, [])}
    spec |= {"name": found.component.name, "version": found.version, "type": found.type}
    spec |= {"display_name": found.display_name, "tags": found.tags, "description": found.description}
    scope = answers.workspace_id(request)
    for part in (spec, spec.get("task") or {}):
        if part.get("code"):
            # Clients take code by its id only.
            part["code"] = f"azureml:{asset_ids.code_id(scope, part['code'])}"
    if "jobs" in spec:
        spec["jobs"] = {name: node_shown(node, scope) for name, node in spec["jobs"].items()}
    return {"componentSpec": spec, "isAnonymous": found.component.name == ANONYMOUS}


def _text(workspace_id: int, name: str, version: str, asked: dict) -> str:
    document = document_of(workspace_id, _spec(asked)) | {"name": name, "version": version}
    document |= {field: asked[field] for field in ("description", "tags") if asked.get(field)}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _create(session: Session, caller: Caller, name: str, version: str, asked: dict) -> ComponentVersion:
    text = _text(caller.workspace.id, name, version, asked)
    return service.create(session, caller.workspace.id, text, created_by=caller.user.name)


def _same(session: Session, found: ComponentVersion, asked: dict) -> None:
    workspace_id, name = found.component.workspace_id, found.component.name
    spec = read_component(session, workspace_id, _text(workspace_id, name, found.version, asked), {}).to_dict()
    codes_differ = codes.content_of(workspace_id, found.spec.get("code")) != codes.content_of(
        workspace_id, spec.get("code")
    )
    if codes_differ or any(found.spec.get(field) != spec[field] for field in spec.keys() - _DESCRIBING - {"code"}):
        raise Conflict(
            f"Component {name!r} has a version {found.version!r} that runs something else, and versions do not "
            "change; name another version.",
            target="properties.componentSpec",
        )


ASSETS = Asset("components", "components", COMPONENTS, READ, WRITE, _told, _create, _same, anonymous=ANONYMOUS)
router = routes(ASSETS)
