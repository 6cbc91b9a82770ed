"""Pages of connections."""

from app.connections.definition_pages import Words, pages
from app.connections.kinds import CONNECTIONS
from app.connections.permissions import READ, WRITE

WORDS = Words(
    title="Connections",
    lead="Services elsewhere and the credentials to them, kept encrypted and never shown.",
    first="A connection is the address of a service, such as a package feed, a database or a language model, with the "
    "credentials that it asks for.",
    icon="link",
    example="name: packages\ntype: python_feed\ntarget: https://pypi.example.org/simple\n"
    "credentials:\n  type: username_password\n  username: ada\n  password: ...\n",
    address="azureml:{name}",
)
router = pages(CONNECTIONS, WORDS, READ, WRITE)
