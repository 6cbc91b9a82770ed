from app.access.permissions import Action

READ = Action("experiments/read", "See experiments")
WRITE = Action("experiments/write", "Create, rename, tag, delete and restore experiments", audited=True)
