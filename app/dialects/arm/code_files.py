"""Where the files of a code asset lie, for the jobs and deployments that name it."""

import re

from app.assets.addresses import stored_address
from app.dialects.arm import asset_ids, codes, storage
from app.errors import Invalid, NotFound

_IN_REGISTRY = re.compile(r"(?:azureml:)?azureml://registries/[^/]+/codes/([^/]+)/versions/([^/]+)")
"""The id of code that lies in a registry, for what is made in the same one."""


def address_of(workspace_id: int, id: str, field: str = "properties.codeId") -> str:
    """The address of the code that a resource id names, or that `id` is itself; raises Invalid or NotFound."""
    in_registry = _IN_REGISTRY.fullmatch(id)
    found = asset_ids.AssetId("codes", *in_registry.groups(), None) if in_registry else asset_ids.parse(id)
    if found is None and (stored := storage.address_of(id, field)).startswith("azureml:"):
        return stored
    if found is None or found.kind != "codes":
        raise Invalid(f"{field}: {id!r} names no code that was uploaded.", target=field)
    path = storage.path_of(codes.container_of(found.name, found.version or "1"), "")
    folder = storage.only_folder(workspace_id, path)
    if folder is None:
        raise NotFound(f"{field}: there is no code {found.name!r}; upload it again.", target=field)
    return stored_address(f"{path}/{folder}".rstrip("/"))
