from app.access.permissions import Action

READ = Action("data/read", "See data assets and their files")
WRITE = Action("data/write", "Upload files and make data assets", audited=True)
PROFILE = Action("data/profile", "Have the columns of data described by a worker", audited=True)
