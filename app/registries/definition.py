"""Reads the file of a registry.

Source: the registry schema of Azure ML CLI v2; `requires_approval` is Atelier's own.
"""

from dataclasses import dataclass

from app.assets.names import NAME
from app.errors import Invalid
from app.kit.documents import read as read_document
from app.kit.sections import Problems, Section, kind_of

_FIELDS = ("name", "location", "description", "tags", "requires_approval")
_OF_THE_CLOUD = (
    "public_network_access", "replication_locations", "container_registry", "intellectual_property", "id",
    "creation_context", "identity", "kind", "sku", "managed_resource_group", "mlflow_registry_uri", "discovery_url",
)  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """`requires_approval` is None where the file says nothing about it."""

    name: str
    location: str
    description: str
    tags: dict[str, str]
    requires_approval: bool | None
    warnings: tuple[str, ...]


def read(yaml: str) -> Definition:
    """Raises Invalid that says every field that is wrong, and its line."""
    document = read_document(yaml, "registry.yml")
    if not isinstance(document.value, dict):
        raise Invalid(
            f"registry.yml: a registry is a mapping of fields such as `name`; it holds {kind_of(document.value)}.",
            target="name",
        )
    problems = Problems(document)
    file = Section(problems, document.value, what="a registry")
    file.check_fields(_FIELDS, _OF_THE_CLOUD)
    name = file.text("name", required=True) or ""
    if name and not NAME.fullmatch(name):
        file.wrong("name", f"is {name!r}; use up to 255 letters, digits, '_', '-' and '.', not '_' first.")
    made = Definition(
        name,
        file.text("location") or "",
        file.text("description") or "",
        file.texts("tags"),
        file.boolean("requires_approval", False) if "requires_approval" in file else None,
        tuple(problems.warnings),
    )
    problems.raise_found()
    return made
