from app.access.permissions import Action

READ = Action("registries/read", "See registries and use what is in them")
SHARE = Action("registries/share", "Share assets of the workspace to registries", audited=True)
MANAGE = Action("registries/manage", "Create and delete registries", audited=True, scope="organisation")
