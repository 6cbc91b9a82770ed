"""The ids by which Azure's clients name assets, and the references of job files."""

import re
from dataclasses import dataclass

_ID = re.compile(
    r"(?:azureml:)?/{0,2}subscriptions/[^/]+/resource[gG]roups/[^/]+(?:/providers/[^/]+)?/workspaces/[^/]+"
    r"/(?P<kind>[A-Za-z]+)/(?P<name>[^/]+)(?:/(?P<by>versions|labels)/(?P<version>[^/]+))?/?"
)

_UPLOAD = re.compile(r"/LocalUpload/(?P<name>[^/.]+)(?:\.(?P<version>[^/]+))?(?:/|$)")
_NAMED = re.compile(r"(?:azureml:)?(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@(?P<label>[^:@/]+))?")


@dataclass(frozen=True)
class AssetId:
    """`kind` is the word of the address, such as `environments`. At most one of version and label is set."""

    kind: str
    name: str
    version: str | None
    label: str | None

    @property
    def reference(self) -> str:
        """As a job file names it."""
        if self.kind == "models" and self.version:
            return f"models:/{self.name}/{self.version}"
        end = f":{self.version}" if self.version else f"@{self.label or 'latest'}"
        return f"azureml:{self.name}{end}"


def parse(text: str) -> AssetId | None:
    """The asset that a resource id names; None for every other text."""
    found = _ID.fullmatch(text)
    if found is None or found["kind"] == "datastores":
        return None
    by_label = found["by"] == "labels"
    return AssetId(
        found["kind"],
        # Clients leave in an id what stood before the name in a file.
        found["name"].removeprefix("azureml:"),
        None if by_label else found["version"],
        found["version"] if by_label else None,
    )


def reference(text: str) -> str:
    """The short form of a resource id; every other address as it is."""
    found = parse(text)
    return found.reference if found else text


def asset_id(scope: str, kind: str, name: str, version: str) -> str:
    """`scope` is the resource id of the workspace."""
    return f"{scope}/{kind}/{name}/versions/{version}"


def named(reference: str) -> tuple[str, str] | None:
    """Name and version of an asset by its short form."""
    found = _NAMED.fullmatch(reference)
    return (found["name"], found["version"]) if found and found["version"] else None


def code_id(scope: str, key: str) -> str:
    """The id of code by its storage key: the name of its upload, and a version where that says one."""
    found = _UPLOAD.search(key)
    if found is None:
        return asset_id(scope, "codes", key.rstrip("/").rpartition("/")[2], "1")
    return asset_id(scope, "codes", found["name"], found["version"] or "1")


def environment_id(scope: str, named: str | dict | None, resolved: dict | None) -> str | None:
    """The environment by the version or label that was named, else that which it was resolved to."""
    if isinstance(named, str):
        found = _NAMED.fullmatch(named)
        if found is None:
            return named
        by = "versions" if found["version"] else "labels"
        return f"{scope}/environments/{found['name']}/{by}/{found['version'] or found['label'] or 'latest'}"
    name = (resolved or {}).get("name")
    return f"{scope}/environments/{name}/labels/latest" if name else None
