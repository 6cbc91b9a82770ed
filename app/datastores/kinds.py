"""The types of datastores, and what the file of one says beside its name and credentials.

Source: the datastore schemas of Azure ML CLI v2; `s3`, `http` and `file` are Atelier's own.
"""

from dataclasses import dataclass
from typing import Any

from app.assets.addresses import DATASTORE
from app.connections.definitions import COMMON, SET_BY_SERVER, Definitions
from app.datastores.tables import Datastore
from app.kit.sections import Section


@dataclass(frozen=True)
class Kind:
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


KINDS = {
    "azure_blob": Kind(("account_name", "container_name"), ("endpoint", "protocol")),
    "azure_file": Kind(("account_name", "file_share_name"), ("endpoint", "protocol")),
    "azure_data_lake_gen2": Kind(("account_name", "filesystem"), ("endpoint", "protocol")),
    "azure_data_lake_gen1": Kind(("store_name",)),
    "one_lake": Kind(("one_lake_workspace_name", "artifact"), ("endpoint",)),
    "s3": Kind(("bucket",), ("prefix", "endpoint", "region")),
    "http": Kind(("url",)),
    "file": Kind(("path",)),
}
RESERVED = (DATASTORE, "workspaceartifactstore", "default")


def _settings(file: Section, type: str) -> dict[str, Any]:
    kind = KINDS[type]
    file.check_fields((*COMMON, *kind.required, *kind.optional), SET_BY_SERVER)
    found: dict[str, Any] = {}
    for name in (*kind.required, *kind.optional):
        if name == "artifact":
            found[name] = file.mapping(name)
        elif (text := file.text(name, required=name in kind.required)) is not None:
            found[name] = text
    if type == "http" and not found.get("url", "http://").startswith(("http://", "https://")):
        file.wrong("url", f"is {found['url']!r}; it begins with https:// or http://.")
    if type == "file" and not found.get("path", "/").startswith("/"):
        file.wrong("path", f"is {found['path']!r}; it is the whole path of a folder on the server.")
    return found


DATASTORES = Definitions("datastore", "datastores", Datastore, tuple(KINDS), _settings, RESERVED)
