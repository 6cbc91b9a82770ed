from app.access.permissions import Action

READ = Action("models/read", "See registered models and their files")
WRITE = Action("models/write", "Register, change and delete models", audited=True)
