from app.access.permissions import Action

READ = Action("activity/read", "See the audit record")
