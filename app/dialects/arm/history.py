"""Run history: how a job stands, where its logs are, what it wrote, and the jobs below it.

Source: the runhistory, dataset_dataplane and model_dataplane clients in azure-ai-ml.
"""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.assets.addresses import stored_address
from app.dialects.arm import answers, progress_log, run_files, storage
from app.dialects.arm.addressing import HISTORY, WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.job_shapes import address_of
from app.dialects.arm.jobs import change, page_of
from app.dialects.arm.wire import pascal
from app.errors import Invalid
from app.jobs import interactive, logs, places, queries
from app.jobs.lifecycle import Status
from app.jobs.permissions import READ, WRITE
from app.jobs.tables import Job, JobService
from app.kit.storage import store
from app.web.session import SessionDep

router = APIRouter()
# By these words clients choose whom to ask where an output lies.
OUTPUT_TYPES = {
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "mltable": "MLTable",
    "mlflow_model": "MLFlowModel",
    "custom_model": "CustomModel",
    "triton_model": "TritonModel",
}
CHANGED = {"displayName": "display_name", "description": "description", "hidden": "archived"}
_OUTPUT = "azureml://jobs/{job}/outputs/{output}"


@router.get(HISTORY + "/runs/{name}/details", dependencies=[allow(READ)])
@router.get(HISTORY + "/experiments/{experiment}/runs/{name}/details", dependencies=[allow(READ)])
def details(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    job = queries.get(session, caller.workspace.id, name)
    warnings = [{"source": "Job", "message": text} for text in job.warnings]
    log_files = {file: storage.file_url(request, caller, path) for file, path in _logs(job).items()}
    if job.type in progress_log.FILES:
        log_files[progress_log.FILES[job.type]] = run_files.progress_url(request, caller, job)
    return answers.body(_run(request, session, job) | {"logFiles": log_files, "warnings": warnings})


def _logs(job: Job) -> dict[str, str]:
    """The paths of the logs that there are, in the workspace's store."""
    root = f"{places.workspace_root(job)}/"
    keys = {file: places.log_key(job, file) for file in logs.files(job)}
    return {file: key.removeprefix(root) for file, key in keys.items() if store().size(key) is not None}


@router.get(HISTORY + "/runs/{name}", dependencies=[allow(READ)])
@router.get(HISTORY + "/experiments/{experiment}/runs/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return answers.body(_run(request, session, queries.get(session, caller.workspace.id, name)))


@router.get(HISTORY + "/runs/{name}/children", dependencies=[allow(READ)])
@router.get(HISTORY + "/experiments/{experiment}/runs/{name}/children", dependencies=[allow(READ)])
def children(name: str, request: Request, session: SessionDep, caller: CallerDep, paging: PagingDep) -> JSONResponse:
    job = queries.get(session, caller.workspace.id, name)
    narrowed = queries.Filter(parent_id=job.id, archived=None)
    found = queries.page(session, job.workspace_id, narrowed, sort="created", number=paging.number, size=paging.size)
    return paging.answer(found, lambda child: _run(request, session, child))


@router.post(HISTORY + "/rundata", dependencies=[allow(READ)])
def run_data(request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    job = queries.get(session, caller.workspace.id, str(sent.get("runId", "")))
    return answers.body({"runMetadata": _run(request, session, job)})


@router.get(HISTORY + "/runs/{name}/serviceinstances/{node}", dependencies=[allow(READ)])
def services(name: str, node: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Interactive services of a job, which only its first node has."""
    job = queries.get(session, caller.workspace.id, name)
    found = interactive.of_job(session, job) if node == "0" else ()
    return answers.body(
        {"instances": {item.name: _service(item, job, page_of(request, job), caller) for item in found}}
    )


def _service(service: JobService, job: Job, page: str, caller: Caller) -> dict[str, Any]:
    return {
        "type": pascal(service.type),
        "port": service.port,
        "status": interactive.status_of(job, service),
        "error": {"error": {"code": "ServiceFailed", "message": service.error}} if service.error else None,
        "endpoint": f"{page.partition('?')[0]}/services/{service.name}/",
        "properties": interactive.properties(page, caller, job, service),
    }


@router.patch(HISTORY + "/runs/{name}", dependencies=[allow(WRITE)])
@router.patch(HISTORY + "/experiments/{experiment}/runs/{name}", dependencies=[allow(WRITE)])
def modify(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Change what is said of a job, or archive it by `hidden`; tags and properties are added to those it has."""
    job = queries.get(session, caller.workspace.id, name)
    changes: dict[str, Any] = {to: sent[of] for of, to in CHANGED.items() if sent.get(of) is not None}
    if sent.get("tags"):
        own = {key: value for key, value in job.tag_map.items() if not key.startswith("mlflow.")}
        changes["tags"] = own | {key: str(value) for key, value in sent["tags"].items()}
    if sent.get("properties"):
        changes["properties"] = _added(job, sent["properties"])
    change(session, job, changes)
    return answers.body(_run(request, session, job))


def _added(job: Job, properties: dict) -> dict:
    for key, value in properties.items():
        if key in job.properties and str(job.properties[key]) != str(value):
            raise Invalid(
                f"properties.{key}: it is {job.properties[key]!r} and cannot be changed; properties are only added.",
                target=f"properties.{key}",
            )
    return {**{key: str(value) for key, value in properties.items()}, **job.properties}


def _run(request: Request, session: Session, job: Job) -> dict[str, Any]:
    compute = (job.spec or {}).get("compute")
    found = {
        "runId": job.name,
        "parentRunId": session.get_one(Job, job.parent_id).name if job.parent_id else None,
        # Clients show it as the name of the experiment.
        "experimentId": job.experiment.name,
        "displayName": job.display_name,
        "description": job.description,
        "status": job.status.value,
        "hidden": job.archived,
        "runType": job.type,
        "tags": job.tag_map,
        "properties": {key: str(value) for key, value in job.properties.items()},
        "createdUtc": _time(job.created_at),
        "startTimeUtc": _time(job.started_at),
        "endTimeUtc": _time(job.ended_at),
        "createdBy": {"userName": job.created_by},
        "target": compute,
        "compute": {"target": compute} if compute else None,
        "services": {"Studio": {"type": "Studio", "endpoint": page_of(request, job)}},
        "outputs": _outputs(job, "api-version" in request.query_params),
        "error": _error(job),
    }
    return {name: value for name, value in found.items() if value is not None}


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _outputs(job: Job, is_versioned: bool) -> dict[str, dict[str, str]]:
    """What can be downloaded by `batchGetResolvedUris`: the outputs that hold files.

    Clients that name the version of this API cannot ask for models, and call data as files do.
    """
    if job.status is not Status.COMPLETED:
        return {}
    written = [name for name in job.outputs if any(True for _ in store().list(places.output_key(job, name)))]
    return {
        name: {
            "assetId": _OUTPUT.format(job=job.name, output=name),
            "type": "uri_folder" if is_versioned else OUTPUT_TYPES.get(job.outputs[name]["type"], "UriFolder"),
        }
        for name in written
    }


def _error(job: Job) -> dict[str, Any] | None:
    if not job.error or job.status is not Status.FAILED:
        return None
    error = {"code": "UserError", "message": job.error["message"]}
    if job.error.get("detail"):
        error["details"] = [{"code": "Detail", "message": job.error["detail"]}]
    return {"error": error, "time": _time(job.ended_at)}


@router.post("/data/v1.0" + WORKSPACE + "/dataversion/batchGetResolvedUris", dependencies=[allow(READ)])
def data_uris(request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = {id: _resolved(request, session, caller, id) for id in _ids(sent)}
    return answers.body({"values": {id: {"uri": uri, "type": type} for id, (uri, type) in found.items()}})


@router.post("/modelregistry/v1.0" + WORKSPACE + "/models/batchGetResolvedUris", dependencies=[allow(READ)])
def model_uris(request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = {id: _resolved(request, session, caller, id) for id in _ids(sent)}
    return answers.body({"values": {id: {"path": uri, "type": type} for id, (uri, type) in found.items()}})


def _ids(sent: dict) -> list[str]:
    ids = sent.get("values")
    if not isinstance(ids, list) or len(ids) > answers.LARGEST_PAGE:
        raise Invalid(f"values: give a list of up to {answers.LARGEST_PAGE} ids.", target="values")
    return [str(id) for id in ids]


def _resolved(request: Request, session: Session, caller: Caller, id: str) -> tuple[str, str]:
    """Where the files of an output are, by the id that `rundata` gave out."""
    parts = id.removeprefix("azureml://").split("/")
    if len(parts) != 4 or (parts[0], parts[2]) != ("jobs", "outputs"):
        raise Invalid(f"values: {id!r} is no id of an output of a job.", target="values")
    job = queries.get(session, caller.workspace.id, parts[1])
    path = places.output_path(job, parts[3])
    return address_of(stored_address(path), answers.workspace_id(request)), job.outputs.get(parts[3], {}).get(
        "type", ""
    )
