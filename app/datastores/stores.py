"""Reads and writes the files of datastores that this server can reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from app.connections.definitions import secrets
from app.datastores import azure_auth
from app.datastores.blobs import BlobFiles, ShareFiles
from app.datastores.http import HttpFiles
from app.datastores.tables import Datastore
from app.errors import AtelierError, Invalid, Unavailable
from app.kit.storage import Files, SharedFolder, safe_key
from app.settings import Settings

BLOBS = ("azure_blob", "azure_data_lake_gen2", "one_lake")
READ = ("s3", "http", "file", *BLOBS, "azure_file")
WRITTEN = ("s3", "file", *BLOBS)
PROOFS = {
    "account_key": "an account_key",
    "sas": "a sas_token",
    "service_principal": "a service principal with its client_secret",
    "none": "no credentials where the files are public",
}


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
    if found.type in (*BLOBS, "azure_file"):
        return _why_not_blobs(found)
    return _why_not_folder(found) if found.type == "file" else None


def _why_not_blobs(found: Datastore) -> str | None:
    type = found.credentials.get("type", "none")
    if type not in PROOFS:
        return f"has credentials of the type {type}; what is used from here is {', '.join(PROOFS.values())}."
    if type == "account_key" and not azure_auth.is_key(secrets(found)["account_key"]):
        return "has an account_key that is no base64, as the keys of storage accounts are."
    if type == "service_principal" and found.type == "azure_file":
        return "is a share of Azure Files, which takes no service principal from here; give it an account_key."
    if type == "account_key" and found.type == "one_lake":
        return "is a OneLake, which knows no account keys; give it a sas_token or a service principal."
    return None


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


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Whatever the client of a store says when it fails is told as Unavailable, with `what` was wanted."""
    try:
        yield
    except AtelierError:
        raise
    except Exception as error:
        raise Unavailable(f"{what} could not be read: {error}", target="path") from error


def open_files(place: Place) -> Files:
    """The files of a datastore, keyed by their paths in it."""
    settings, credentials = place.settings, place.credentials
    match place.type:
        case "file":
            return SharedFolder(settings["path"])
        case "http":
            return HttpFiles(settings["url"].rstrip("/"), headers=_headers(credentials))
        case "azure_blob" | "azure_data_lake_gen2" | "one_lake":
            return BlobFiles(*_container(place), prefix=_folder(settings))
        case "azure_file":
            return ShareFiles(*_container(place))
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


def _container(place: Place) -> tuple[str, httpx.Auth]:
    """The address of a container, and the proof that it asks for.

    A file system of Data Lake Storage is a container of the same account. An `endpoint` that is a URL is the address
    of the account itself.
    """
    settings = place.settings
    if place.type == "one_lake":
        return _lake_house(settings), _proof("onelake", place.credentials)
    names = ("container_name", "filesystem", "file_share_name")
    account, container = settings["account_name"], next(settings[name] for name in names if name in settings)
    service = "file" if place.type == "azure_file" else "blob"
    endpoint = settings.get("endpoint", "core.windows.net")
    if endpoint.startswith(("http://", "https://")):
        base = f"{endpoint.rstrip('/')}/{account}"
    else:
        base = f"{settings.get('protocol', 'https')}://{account}.{service}.{endpoint}"
    return f"{base}/{quote(container)}", _proof(account, place.credentials)


def _lake_house(settings: dict[str, Any]) -> str:
    """A workspace of OneLake, which is a container to those who speak of blobs."""
    endpoint = settings.get("endpoint", "onelake.dfs.fabric.microsoft.com").rstrip("/")
    address = endpoint if "://" in endpoint else f"https://{endpoint}"
    return f"{address.replace('.dfs.', '.blob.', 1)}/{quote(settings['one_lake_workspace_name'])}"


def _folder(settings: dict[str, Any]) -> str:
    """The folder of OneLake's container in which the files of an artifact lie."""
    name = (settings.get("artifact") or {}).get("name", "")
    return name if not name or "/" in name else f"{name}/Files"


def _proof(account: str, credentials: dict[str, str]) -> httpx.Auth:
    match credentials.get("type"):
        case "account_key":
            return azure_auth.SharedKey(account, credentials["account_key"])
        case "service_principal":
            return azure_auth.ServicePrincipal(
                credentials["tenant_id"], credentials["client_id"], credentials["client_secret"],
                credentials.get("authority_url") or azure_auth.AUTHORITY,
            )  # fmt: skip
    return azure_auth.Anonymous(credentials.get("sas_token", ""))


def _s3(settings: dict[str, str], credentials: dict[str, str]) -> Files:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    from app.kit.storage.s3 import S3Storage

    # Without keys of its own a datastore is a public bucket: those of the server are for the server's files.
    signature = None if "access_key_id" in credentials else UNSIGNED
    client = boto3.client(
        "s3",
        endpoint_url=settings.get("endpoint"),
        region_name=settings.get("region"),
        aws_access_key_id=credentials.get("access_key_id"),
        aws_secret_access_key=credentials.get("secret_access_key"),
        config=Config(connect_timeout=10, retries={"total_max_attempts": 3}, signature_version=signature),
    )
    return S3Storage(f"s3://{safe_key(settings['bucket'], settings.get('prefix', ''))}", client)
