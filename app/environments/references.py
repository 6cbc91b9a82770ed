"""The forms in which a file names an environment.

Source: azure-ai-ml's environment references (`azureml:NAME:VERSION`, ARM ids and registry ids).
"""

import re
from dataclasses import dataclass

from app.errors import Invalid

_VERSION = r"(?:/versions/(?P<version>[^/]+)|/labels/(?P<label>[^/]+))?"
_REGISTRY = re.compile(rf"azureml://registries/(?P<registry>[^/]+)/environments/(?P<name>[^/]+){_VERSION}")
_LONG = re.compile(rf"(?:azureml:/{{0,2}}/?|/)(?:subscriptions|locations)/.+?/environments/(?P<name>[^/]+){_VERSION}")
_SHORT = re.compile(
    r"(?:azureml:)?(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)(?::(?P<version>[A-Za-z0-9_.-]+)|@(?P<label>[A-Za-z0-9_.-]+))?"
)


@dataclass(frozen=True)
class Reference:
    """At most one of `version` and `label` is set; `registry` is None for the workspace's own environments."""

    name: str
    version: str | None = None
    label: str | None = None
    registry: str | None = None


def parse(text: str, field: str = "environment") -> Reference:
    """Read a reference; raises Invalid with the forms that there are."""
    found = _REGISTRY.fullmatch(text) or _LONG.fullmatch(text) or _SHORT.fullmatch(text)
    if found is None:
        raise Invalid(
            f"{field}: {text!r} names no environment; write azureml:NAME:VERSION, azureml:NAME@latest or "
            "azureml://registries/azureml/environments/NAME/labels/latest.",
            target=field,
        )
    return Reference(**{part: value for part, value in found.groupdict().items() if value})
