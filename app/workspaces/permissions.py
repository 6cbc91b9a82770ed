from app.access.permissions import Action

READ = Action("workspaces/read", "See the workspace and its example")
WRITE = Action("workspaces/write", "Make and change workspaces", audited=True, scope="organisation")
