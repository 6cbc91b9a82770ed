"""Pages of datastores."""

from app.assets.addresses import DATASTORE
from app.connections.definition_pages import Words, pages
from app.datastores.kinds import DATASTORES
from app.datastores.permissions import READ, WRITE

WORDS = Words(
    title="Datastores",
    lead="Places whose files jobs read and write by azureml://datastores/NAME/paths/PATH.",
    first="A datastore is a bucket, a container, a folder or a site, with the credentials that it asks for.",
    icon="data",
    example="name: measurements\ntype: s3\nbucket: measurements\nendpoint: https://s3.example.org\n"
    "credentials:\n  access_key_id: AKIA...\n  secret_access_key: ...\n",
    address="azureml://datastores/{name}/paths/PATH",
    own=((DATASTORE, "azure_blob", "The workspace's own store: uploads, outputs and what jobs leave."),),
)
router = pages(DATASTORES, WORDS, READ, WRITE)
