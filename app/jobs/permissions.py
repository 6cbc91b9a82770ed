from app.access.permissions import Action

READ = Action("jobs/read", "See jobs, their logs, metrics and files")
WRITE = Action("jobs/write", "Submit, change and cancel jobs", audited=True)
