"""REST for datastores."""

from app.connections.definition_routes import routes
from app.datastores.kinds import DATASTORES
from app.datastores.permissions import READ, SECRETS, WRITE

router = routes(DATASTORES, READ, WRITE, SECRETS)
