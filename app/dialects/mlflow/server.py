"""What MLflow's client asks about the server itself."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from app.access.guard import allow
from app.access.permissions import PUBLIC

router = APIRouter()
VERSION = "3.17.2"
"""The release of MLflow whose protocol is spoken here."""

STORE = {
    "store_type": "SqlStore",
    "workspaces_enabled": True,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": False,
    "multipart_downloads_enabled": False,
    "presigned_upload_run_id_supported": True,
    "presigned_upload_model_id_supported": True,
    "features_enabled": {"gateway": False},
}


@router.get("/health", dependencies=[allow(PUBLIC)], response_class=PlainTextResponse)
def health() -> PlainTextResponse:
    return PlainTextResponse("OK")


@router.get("/version", dependencies=[allow(PUBLIC)], response_class=PlainTextResponse)
def version() -> PlainTextResponse:
    return PlainTextResponse(VERSION)


@router.get("/api/3.0/mlflow/server-info", dependencies=[allow(PUBLIC)])
@router.get("/ajax-api/3.0/mlflow/server-info", dependencies=[allow(PUBLIC)])
def server_info() -> dict:
    return STORE
