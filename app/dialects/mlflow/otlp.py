"""The address to which OpenTelemetry exporters, and MLflow's client among them, send spans."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from app.access.guard import CallerDep, allow
from app.errors import TooLarge
from app.experiments import queries as experiments
from app.traces import ingest, otlp, service
from app.traces.permissions import WRITE
from app.web.session import SessionDep

router = APIRouter()
LARGEST = 64 << 20
"""Bytes of a request."""


async def _body(request: Request) -> bytes:
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > LARGEST:
            raise TooLarge(f"A request of spans may have {LARGEST:,} bytes.", target="body")
    return bytes(pieces)


@router.post("/v1/traces", dependencies=[allow(WRITE)])
def export(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    body: Annotated[bytes, Depends(_body)],
    x_mlflow_experiment_id: Annotated[str, Header()] = experiments.DEFAULT,
    x_mlflow_run_id: Annotated[str, Header()] = "",
) -> Response:
    """Spans that name no experiment come into the workspace's default one."""
    content_type = request.headers.get("content-type", "")
    records = otlp.read(otlp.unpack(body, request.headers.get("content-encoding", "").strip().lower()), content_type)
    experiment = experiments.get(session, caller.workspace.id, x_mlflow_experiment_id)
    names = ingest.log_spans(session, caller, experiment, records)
    for start in range(0, len(names) if x_mlflow_run_id else 0, service.MOST_LINKED):
        service.link_to_run(session, caller, names[start : start + service.MOST_LINKED], x_mlflow_run_id)
    # An ExportTraceServiceResponse without fields: everything was taken.
    if "json" in content_type:
        return Response("{}", media_type="application/json")
    return Response(b"", media_type="application/x-protobuf")
