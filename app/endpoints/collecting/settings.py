"""What of a deployment's requests is collected, and where to.

Source: https://learn.microsoft.com/azure/machine-learning/how-to-collect-production-data
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.assets.addresses import Stored, parse
from app.endpoints.tables import OnlineDeployment
from app.errors import Invalid

ROLLED = {"day": "%Y/%m/%d", "hour": "%Y/%m/%d/%H", "minute": "%Y/%m/%d/%H/%M"}
ROOT = "modelDataCollector"
REDACTED = "atelier.redact"
"""Property of a deployment: names of fields, separated by commas, whose values are not collected."""


@dataclass(frozen=True)
class Collection:
    """A data asset and the folder that it is, relative to the workspace's store."""

    asset: str
    version: str
    folder: str


@dataclass(frozen=True)
class Collecting:
    """`share` of the requests is collected; `in_rows` says that the body itself is what the model gets."""

    share: float
    collections: Mapping[str, Collection]
    rolled: str
    headers: tuple[str, ...]
    redacted: frozenset[str]
    in_rows: bool


def of(deployment: OnlineDeployment) -> Collecting | None:
    """None where nothing is collected."""
    said = deployment.data_collector or {}
    enabled = {name: item for name, item in (said.get("collections") or {}).items() if _is_on(item.get("enabled"))}
    if not enabled or not said.get("sampling_rate", 1.0):
        return None
    redacted = str(deployment.properties.get(REDACTED, "")).split(",")
    return Collecting(
        share=said.get("sampling_rate", 1.0),
        collections={name: _collection(deployment, name, item.get("data")) for name, item in enabled.items()},
        rolled=ROLLED[said.get("rolling_rate") or "hour"],
        headers=tuple(name.lower() for name in (said.get("request_logging") or {}).get("capture_headers") or ()),
        redacted=frozenset(name.strip() for name in redacted if name.strip()),
        in_rows=deployment.scoring_script is None,
    )


def _is_on(enabled: object) -> bool:
    return str(enabled).lower() == "true"


def _collection(deployment: OnlineDeployment, name: str, data: object) -> Collection:
    """Azure's defaults, but for what a `data` of name, version and path says otherwise."""
    said = data if isinstance(data, Mapping) else {}
    names = (deployment.endpoint.name, deployment.name, name)
    folder = "/".join((ROOT, *names))
    try:
        address = parse(str(said["path"])) if said.get("path") else None
    except Invalid:
        address = None
    if isinstance(address, Stored):
        folder = address.path.strip("/")
    return Collection(str(said.get("name") or "-".join(names)), str(said.get("version") or 1), folder)
