"""Reads and writes the files of datastores that this server can reach."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from app.connections.definitions import secrets
from app.datastores.http import HttpFiles
from app.datastores.tables import Datastore
from app.errors import Invalid
from app.kit.storage import LocalStorage, safe_key
from app.settings import Settings

READ = ("s3", "http", "file", "azure_blob")
WRITTEN = ("s3", "file")


class Files(Protocol):
    """The part of a `Storage` that every datastore has."""

    def size(self, key: str) -> int | None: ...

    def download(self, key: str, target: Path) -> None: ...

    def local_path(self, key: str) -> Path | None: ...


@dataclass(frozen=True)
class Place:
    """What is needed to reach a datastore, read at once, so that no session is open while files move."""

    name: str
    type: str
    settings: dict[str, Any]
    credentials: dict[str, str]

    @classmethod
    def of(cls, found: Datastore) -> "Place":
        return cls(found.name, found.type, dict(found.settings), {**found.credentials, **secrets(found)})


_allowed: tuple[Path, ...] = ()
_home = Path()


def connect(settings: Settings) -> None:
    """Datastores of the type `file` lie at or below these folders of the operator's choice."""
    global _allowed, _home
    _home = settings.home.expanduser().resolve()
    folders = [folder.strip() for folder in settings.datastore_folders.split(":")]
    _allowed = tuple(Path(folder).expanduser().resolve() for folder in folders if folder)


def check_reachable(found: Datastore, field: str, *, writes: bool = False) -> None:
    """Raises Invalid that says why this server cannot read, or write, the files of a datastore."""
    reason = _why_not(found, writes)
    if reason:
        raise Invalid(f"{field}: the datastore {found.name!r} {reason}", target=field)


def _why_not(found: Datastore, writes: bool) -> str | None:
    if found.type not in (WRITTEN if writes else READ):
        can = "written to" if writes else "read"
        kinds = ", ".join(WRITTEN if writes else READ)
        return f"is of the type {found.type}, which cannot be {can} from here. What can be {can}: {kinds}."
    if found.type == "s3" and find_spec("boto3") is None:
        return "speaks S3, for which the server needs the extra `s3`: pip install 'atelier[s3]'."
    if found.type == "azure_blob" and found.credentials.get("type") not in ("sas", "none"):
        return (
            f"has credentials of the type {found.credentials.get('type')}; blobs are read from here with a sas_token, "
            "or without credentials where they are public."
        )
    return _why_not_folder(found) if found.type == "file" else None


def _why_not_folder(found: Datastore) -> str | None:
    folder = Path(found.settings["path"]).resolve()
    if _home.is_relative_to(folder) or folder.is_relative_to(_home):
        return "is in the server's own home, which nobody reads from outside."
    if not any(folder.is_relative_to(allowed) for allowed in _allowed):
        return (
            f"is the folder {folder} of the server; an operator allows folders of this machine with "
            "ATELIER_DATASTORE_FOLDERS."
        )
    return None if folder.is_dir() else f"is the folder {folder}, which does not exist."


def open_files(place: Place) -> Files:
    """The files of a datastore, keyed by their paths in it."""
    settings, credentials = place.settings, place.credentials
    match place.type:
        case "file":
            return LocalStorage(settings["path"])
        case "http":
            return HttpFiles(settings["url"].rstrip("/"), headers=_headers(credentials))
        case "azure_blob":
            return HttpFiles(_container(settings), query=credentials.get("sas_token", "").lstrip("?"), lists_blobs=True)
        case "s3":
            return _s3(settings, credentials)
    raise Invalid(f"The datastore {place.name!r} is of the type {place.type}, which cannot be read from here.")


def _headers(credentials: dict[str, str]) -> dict[str, str]:
    import base64

    if "username" in credentials:
        pair = f"{credentials['username']}:{credentials['password']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    token = credentials.get("key") or credentials.get("pat")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _container(settings: dict[str, str]) -> str:
    """The address of a container; an `endpoint` that is a URL is the address of the account itself."""
    endpoint = settings.get("endpoint", "core.windows.net")
    if endpoint.startswith(("http://", "https://")):
        return f"{endpoint.rstrip('/')}/{settings['account_name']}/{settings['container_name']}"
    protocol = settings.get("protocol", "https")
    return f"{protocol}://{settings['account_name']}.blob.{endpoint}/{settings['container_name']}"


def _s3(settings: dict[str, str], credentials: dict[str, str]) -> Files:
    import boto3

    from app.kit.storage.s3 import S3Storage

    client = boto3.client(
        "s3",
        endpoint_url=settings.get("endpoint"),
        region_name=settings.get("region"),
        aws_access_key_id=credentials.get("access_key_id"),
        aws_secret_access_key=credentials.get("secret_access_key"),
    )
    return S3Storage(f"s3://{safe_key(settings['bucket'], settings.get('prefix', ''))}", client)
