"""What MLflow's own server answers is answered here, or stays out for a reason.

`mlflow_routes.txt` holds the routes of MLflow 3.17.2: those of mlflow.server.handlers.get_endpoints(), of its
Flask application and of its FastAPI application, with `{}` for each part of an address that varies. Of an
address below /api that is also served below /ajax-api only the first is listed.
"""

import re
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

ROUTES = Path(__file__).with_name("mlflow_routes.txt").read_text().splitlines()
OUT = {
    # What MLflow's server itself leaves unanswered: calls of Databricks, and an address without its slash.
    "/get-online-trace-details": "it answers 404",
    "/unified-traces": "it answers 404",
    "/api/2.0mlflow/experiments/search-datasets": "the client calls the address with the slash",
    # What only MLflow's own pages call; Atelier has pages of its own.
    "/static-files/": "files of its pages",
    "/build/": "files of its pages",
    "/graphql": "its pages",
    "/get-artifact": "its pages; clients take mlflow-artifacts",
    "/model-versions/get-artifact": "its pages",
    "/get-trace-artifact": "its pages; clients take traces/get",
    "/upload-artifact": "its pages",
    "/artifacts/files": "its pages",
    "/create-promptlab-run": "its pages",
    "/ui-telemetry": "its pages",
    "/demo/": "its pages",
    "/invoke": "its pages start judges in its server",
    "/mlflow/jobs/": "what its pages started in its server",
    # What needs language models behind the server.
    "/gateway": "the gateway to language models",
    "/prompt-optimization": "jobs that optimise prompts",
}


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_every_route_of_mlflow_is_answered_or_left_out_for_a_reason(api):
    ours = {
        f"{method} {re.sub(r'{[^}]*}', '{}', context.path)}"
        for context in iter_route_contexts(api.routes)
        for method in getattr(context, "methods", None) or ()
    }
    wanted = [route for route in ROUTES if not any(part in route for part in OUT)]
    wanted += [route.replace(" /api/", " /ajax-api/") for route in wanted if "/mlflow" in route]
    assert len(wanted) > 250
    assert [route for route in wanted if route not in ours and not route.endswith(" /")] == []
