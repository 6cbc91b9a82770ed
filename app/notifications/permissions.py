from app.access.permissions import Action

# Below `jobs`, so that who may work with jobs may be told of them, and a job's own token may not set it up.
READ = Action("jobs/notifications/read", "See alerts, webhooks and what they sent")
WRITE = Action("jobs/notifications/write", "Make, change and delete alerts and webhooks", audited=True)
