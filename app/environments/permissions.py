from app.access.permissions import Action

READ = Action("environments/read", "See environments and what is in them")
