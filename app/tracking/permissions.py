from app.access.permissions import Action

WRITE = Action("tracking/write", "Log metrics, parameters, tags and artifacts of runs")
RUNS_WRITE = Action("tracking/runs/write", "Create, delete and restore runs", audited=True)
