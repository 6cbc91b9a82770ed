from app.access.permissions import Action

READ = Action("datastores/read", "See datastores, without their secrets")
WRITE = Action("datastores/write", "Define and delete datastores", audited=True)
SECRETS = Action("datastores/secrets", "Read the secrets of datastores", audited=True)
