from app.access.permissions import Action

WRITE = Action("tracking/write", "Log metrics, parameters, tags and artifacts of runs")
RUNS_WRITE = Action("tracking/runs/write", "Create, delete and restore runs", audited=True)
VIEWS_WRITE = Action("tracking/views/write", "Save, share and delete views of the run table", audited=True)
OWN_VIEWS_WRITE = Action(
    "tracking/ownViews/write", "Save and delete views of the run table that nobody else sees", audited=True
)
