"""The ids by which Azure's clients name assets, and the references of job files."""

import re
from dataclasses import dataclass

_ID = re.compile(
    r"(?:azureml:)?/{0,2}subscriptions/[^/]+/resource[gG]roups/[^/]+(?:/providers/[^/]+)?/workspaces/[^/]+"
    r"/(?P<kind>[A-Za-z]+)/(?P<name>[^/]+)(?:/(?P<by>versions|labels)/(?P<version>[^/]+))?/?"
)


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
        found["name"],
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
