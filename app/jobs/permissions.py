from app.access.permissions import Action

READ = Action("jobs/read", "See jobs, their logs, metrics and files")
WRITE = Action("jobs/write", "Submit, change and cancel jobs", audited=True)
DELETE = Action("jobs/delete", "Delete jobs and experiments for good, with all their files", audited=True)
