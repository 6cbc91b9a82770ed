"""Finds the datastores that addresses name."""

from sqlalchemy.orm import Session

from app.assets.addresses import InDatastore
from app.datastores import stores
from app.datastores.kinds import DATASTORES
from app.datastores.tables import Datastore
from app.errors import NotFound
from app.kit.storage import safe_key


def find_place(
    session: Session, workspace_id: int, address: InDatastore, field: str, *, writes: bool = False
) -> dict[str, str]:
    """What a port of a job keeps of an address: `{"datastore", "file"}`.

    Raises NotFound where there is no such datastore, and Invalid where this server cannot reach its files.
    """
    found = get(session, workspace_id, address.datastore, field)
    stores.check_reachable(found, field, writes=writes)
    return {"datastore": found.name, "file": safe_key(address.path)}


def get(session: Session, workspace_id: int, name: str, field: str) -> Datastore:
    found = DATASTORES.find(session, workspace_id, name)
    if found is None:
        raise NotFound(f"{field}: there is no datastore {name!r} in this workspace.", target=field)
    return found
