"""Finds the datastores that addresses name."""

import re
from urllib.parse import unquote, urlsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.assets.addresses import InDatastore
from app.datastores import stores
from app.datastores.azure_auth import Anonymous
from app.datastores.blobs import BlobFiles
from app.datastores.kinds import DATASTORES
from app.datastores.tables import Datastore
from app.errors import Invalid, NotFound
from app.kit.storage import safe_key

_CONTAINERS = (
    re.compile(r"(?:abfss?|wasbs?)://(?P<container>[^@/]+)@(?P<account>[^./]+)\.(?:dfs|blob)\.[^/]+/(?P<path>[^?]*)"),
    re.compile(r"https?://(?P<account>[^./]+)\.(?:dfs|blob)\.[^/]+/(?P<container>[^/]+)/(?P<path>[^?]+)"),
)


def find_place(
    session: Session, workspace_id: int, address: InDatastore, field: str, *, writes: bool = False
) -> dict[str, str]:
    """What a port of a job keeps of an address: `{"datastore", "file"}`.

    Raises NotFound where there is no such datastore, and Invalid where this server cannot reach its files.
    """
    found = get(session, workspace_id, address.datastore, field)
    stores.check_reachable(found, field, writes=writes)
    return {"datastore": found.name, "file": safe_key(address.path)}


def behind(session: Session, workspace_id: int, url: str, field: str) -> InDatastore | None:
    """The datastore of the container that a URL of Azure Storage leads to; None where the workspace has none.

    Raises Invalid for what only a datastore could open.
    """
    found = next((match for form in _CONTAINERS if (match := form.fullmatch(url))), None)
    if found is None:
        return None
    account, container, path = found["account"], found["container"], unquote(found["path"])
    settings = Datastore.settings
    of_account = settings["account_name"].as_string() == account
    of_container = or_(*(settings[name].as_string() == container for name in ("container_name", "filesystem")))
    kept = select(Datastore).where(Datastore.workspace_id == workspace_id, of_account, of_container)
    datastore = session.scalar(kept.order_by(Datastore.id).limit(1))
    if datastore is None and not url.startswith("http") and public_address(url) == url:
        raise Invalid(
            f"{field}: {url!r} is read with the credentials of a datastore; define one of the account {account!r} with "
            f"the container {container!r} in this workspace.",
            target=field,
        )
    return datastore and InDatastore(datastore.name, path)


def public_address(url: str) -> str:
    """Where anybody may read what lies in a public container that `wasbs://` names; other addresses as they are."""
    found = _CONTAINERS[0].fullmatch(url)
    if found is None or not url.startswith("wasb"):
        return url
    return f"https://{found['account']}.blob.core.windows.net/{found['container']}/{found['path']}"


def public_blobs(url: str) -> tuple[BlobFiles, str] | None:
    """The blobs of the container that a URL of Azure Storage leads into, and the key in it; None for other URLs.

    A signature in the URL is sent along; without one the container is public.
    """
    parts = urlsplit(url)
    container, _, path = parts.path.lstrip("/").partition("/")
    host = re.fullmatch(r"([^.]+)\.(?:blob|dfs)\.(.+)", parts.netloc)
    if host is None or not container:
        return None
    files = BlobFiles(f"{parts.scheme}://{host[1]}.blob.{host[2]}/{container}", Anonymous(parts.query))
    return files, safe_key(unquote(path).lstrip("/"))


def get(session: Session, workspace_id: int, name: str, field: str) -> Datastore:
    found = DATASTORES.find(session, workspace_id, name)
    if found is None:
        raise NotFound(f"{field}: there is no datastore {name!r} in this workspace.", target=field)
    return found
