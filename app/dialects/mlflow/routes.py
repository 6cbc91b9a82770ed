"""Every call of the MLflow dialect, under each of the addresses that clients use."""

from fastapi import APIRouter

from app.dialects.mlflow import (
    artifacts,
    experiments,
    lineage,
    logged_models,
    multipart,
    registry,
    runs,
    server,
    writes,
)

router = APIRouter(include_in_schema=False)
router.include_router(server.router)
for _root in ("/api/2.0", "/ajax-api/2.0"):
    for _part in (experiments, runs, writes, lineage, logged_models, registry):
        router.include_router(_part.router, prefix=f"{_root}/mlflow")
    router.include_router(artifacts.router, prefix=f"{_root}/mlflow-artifacts")
    router.include_router(multipart.router, prefix=f"{_root}/mlflow-artifacts")
    router.include_router(multipart.links, prefix=f"{_root}/mlflow")
