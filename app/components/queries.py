"""Reads of components."""

from dataclasses import replace

from sqlalchemy.orm import Session

from app.assets import addresses
from app.assets.versioned import Versioned
from app.components.tables import Component, ComponentVersion
from app.errors import Invalid, NotFound
from app.jobs import specification
from app.registries import queries as registries
from app.registries.files import bring

COMPONENTS = Versioned("component", Component, ComponentVersion, "component")

find, get, get_version = COMPONENTS.find, COMPONENTS.get, COMPONENTS.get_version
versions, page = COMPONENTS.versions, COMPONENTS.page


def of_reference(session: Session, workspace_id: int, reference: str) -> specification.Component:
    """What `azureml:NAME:VERSION` or `azureml:NAME@latest` of a job means now."""
    address = addresses.parse(reference, "component")
    if not isinstance(address, addresses.AssetVersion) or address.kind not in (None, "components"):
        raise Invalid(
            f"component: {reference!r} names no component; write azureml:NAME:VERSION, azureml:NAME@latest or a path "
            "such as file:./train.yml.",
            target="component",
        )
    try:
        home = registries.home_of(session, workspace_id, address)
        found = get_version(session, home, address.name, address.version, address.label)
    except NotFound as error:
        raise NotFound(f"component: {error.message}", target="component") from error
    component = specification.load_component(
        found.spec if home == workspace_id else bring(found.spec, home, workspace_id), source_name=reference
    )
    if not address.registry:
        return component
    # So the job and its lineage tell it from one of the workspace that has the same name.
    shown = component.display_name or address.name
    return replace(component, name=f"registries/{address.registry}/{address.name}", display_name=shown)
