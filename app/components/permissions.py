from app.access.permissions import Action

READ = Action("components/read", "See components")
WRITE = Action("components/write", "Make, describe and archive components", audited=True)
