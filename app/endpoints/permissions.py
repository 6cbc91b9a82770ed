from app.access.permissions import Action

READ = Action("endpoints/read", "See endpoints, deployments, their logs and measurements")
WRITE = Action("endpoints/write", "Make and change endpoints, deployments and traffic", audited=True)
KEYS = Action("endpoints/listKeys", "See the keys of endpoints, and score from the page")
ROTATE = Action("endpoints/regenerateKeys", "Replace the keys of endpoints", audited=True)
TOKEN = Action("endpoints/listKeys", "Get a token that scores", audited=True)
