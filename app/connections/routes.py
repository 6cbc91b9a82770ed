"""REST for connections."""

from app.connections.definition_routes import routes
from app.connections.kinds import CONNECTIONS
from app.connections.permissions import READ, SECRETS, WRITE

router = routes(CONNECTIONS, READ, WRITE, SECRETS)
