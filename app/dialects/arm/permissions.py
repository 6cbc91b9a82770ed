"""Actions of other domains that are audited otherwise when Azure's clients do them."""

from app.access.permissions import Action

UPLOAD = Action("data/write", "Upload files; the assets that are made of them are audited")
FILES_TOKEN = Action("data/read", "Get a token for the files of the workspace", audited=True)
KEYS = Action("endpoints/listKeys", "Get the keys of endpoints, and tokens that score", audited=True)
REGISTRY_FILES = Action("registries/read", "Get an address that opens files of a registry", audited=True)
REFUSED = Action("workspaces/read", "Ask for what Azure has and Atelier has not", audited=True)
