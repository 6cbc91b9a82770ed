from app.access.permissions import Action

READ = Action("jobs/transfer/read", "Export experiments as bundles, with all that belongs to them")
WRITE = Action("jobs/transfer/write", "Import runs, models and traces as they were elsewhere", audited=True)
