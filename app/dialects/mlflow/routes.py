"""Every call of the MLflow dialect, under each of the addresses that clients use."""

from fastapi import APIRouter, FastAPI

from app.dialects.mlflow import (
    artifacts,
    assessments,
    evaluation_datasets,
    experiments,
    issues,
    label_schemas,
    lineage,
    links,
    logged_models,
    multipart,
    otlp,
    registry,
    review_queues,
    runs,
    scorers,
    server,
    trace_metrics,
    traces,
    webhooks,
    workspaces,
    writes,
)
from app.dialects.mlflow.quick import Shortcut
from app.web.routing import include

ROOTS = ("/api/2.0", "/ajax-api/2.0")

router = APIRouter(include_in_schema=False)
include(router, server.router)
include(router, otlp.router)
for _root in ROOTS:
    for _part in (experiments, runs, writes, lineage, logged_models, registry, webhooks):
        include(router, _part.router, prefix=f"{_root}/mlflow")
    include(router, artifacts.router, prefix=f"{_root}/mlflow-artifacts")
    include(router, multipart.router, prefix=f"{_root}/mlflow-artifacts")
    include(router, traces.old_router, prefix=f"{_root}/mlflow")
    include(router, links.files, prefix=f"{_root}/mlflow-artifacts")
    include(router, links.router, prefix=f"{_root}/mlflow")
for _root in ("/api/3.0", "/ajax-api/3.0"):
    _parts = (
        trace_metrics,
        traces,
        assessments,
        label_schemas,
        review_queues,
        issues,
        evaluation_datasets,
        scorers,
        workspaces,
    )
    for _part in _parts:
        include(router, _part.router, prefix=f"{_root}/mlflow")


def shortcut(app: FastAPI) -> Shortcut:
    return Shortcut(app, [(f"{root}/mlflow", part.router) for root in ROOTS for part in (runs, writes)])
