from app.access.permissions import Action

READ = Action("environments/read", "See environments and what is in them")
WRITE = Action("environments/write", "Register, describe and archive environments", audited=True)
MANAGE_IMAGES = Action("environments/images", "Say which environment a container image stands for", audited=True)
