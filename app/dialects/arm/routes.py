"""Every call of Azure's clients that is answered here."""

from fastapi import APIRouter

from app.dialects.arm import (
    absent,
    batch_deployments,
    batch_endpoints,
    blobs,
    cloud,
    codes,
    components,
    computes,
    connections,
    data,
    datastores,
    environments,
    history,
    jobs,
    models,
    online_deployments,
    online_endpoints,
    registries,
    registry_files,
    run_files,
    schedules,
    workspaces,
)
from app.web.routing import include

router = APIRouter(include_in_schema=False)
for _part in (
    cloud,
    workspaces,
    datastores,
    connections,
    codes,
    data,
    models,
    components,
    environments,
    registries,
    registry_files,
    run_files,
    blobs,
    computes,
    jobs,
    history,
    online_endpoints,
    online_deployments,
    batch_endpoints,
    batch_deployments,
    schedules,
    absent,
):
    include(router, _part.router)
include(router, computes.machines)
include(router, datastores.opened)
include(router, batch_endpoints.mferp)
