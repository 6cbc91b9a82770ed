from app.access.permissions import Action

READ = Action("connections/read", "See connections, without their secrets")
WRITE = Action("connections/write", "Define and delete connections", audited=True)
SECRETS = Action("connections/secrets", "Read the secrets of connections", audited=True)
