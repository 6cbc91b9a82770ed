"""From the `environment` of a job or deployment to what is built.

Source of the forms: azure-ai-ml's environment references, and the environment schema of CLI v2.
"""

import re
from typing import Any

from app.environments import curated
from app.environments.conda import read_conda
from app.environments.specification import EnvironmentSpec, digest
from app.errors import Invalid, NotFound

_REGISTRY = re.compile(r"azureml://registries/([^/]+)/environments/([^/]+)(?:/(?:versions|labels)/([^/]+))?")
_LONG = re.compile(r"azureml:/{0,2}/?subscriptions/.+?/environments/([^/]+)(?:/(?:versions|labels)/([^/]+))?")
_SHORT = re.compile(r"(?:azureml:)?([A-Za-z0-9][A-Za-z0-9_.-]*)(?::([A-Za-z0-9_.-]+)|@([A-Za-z0-9_.-]+))?")


def resolve(environment: str | dict[str, Any] | None) -> dict[str, Any]:
    """What `EnvironmentSpec.from_dict` reads, with `name`; nothing given means the curated environment.

    A mapping is an inline definition whose `conda_file` is a conda definition. Raises NotFound for a name
    that nobody knows and Invalid for a definition that cannot be built.
    """
    if environment is None:
        return EnvironmentSpec.curated().to_dict()
    if isinstance(environment, str):
        return named(environment).to_dict()
    return defined(environment).to_dict()


def named(reference: str) -> EnvironmentSpec:
    found = _REGISTRY.fullmatch(reference)
    wanted = found[2] if found else None
    if found is None and (found := _LONG.fullmatch(reference) or _SHORT.fullmatch(reference)):
        wanted = found[1]
    if wanted is None:
        raise Invalid(
            f"environment: {reference!r} names no environment; write azureml:NAME:VERSION, azureml:NAME@latest or "
            "azureml://registries/azureml/environments/NAME/labels/latest.",
            target="environment",
        )
    if not curated.is_curated(wanted):
        raise NotFound(
            f"environment: there is no environment {wanted!r}. There is {curated.name()}, which also stands in for "
            "Azure ML's sklearn-…, acpt-… and AzureML-… environments; or define one with `conda_file`.",
            target="environment",
        )
    stands_in = (f"{wanted} is not kept here; {curated.name()} stands in for it.",) if wanted != curated.name() else ()
    return EnvironmentSpec.curated(stands_in)


def defined(definition: dict[str, Any]) -> EnvironmentSpec:
    """An inline definition. An image alone says nothing of packages, so the curated ones are taken."""
    image, conda = definition.get("image"), definition.get("conda_file")
    if definition.get("build"):
        raise Invalid(
            "environment.build: this server builds no container images; list the packages in `conda_file`.",
            target="environment.build",
        )
    if conda is None:
        if not image:
            raise Invalid("environment: give `conda_file`, or the name of an environment.", target="environment")
        return EnvironmentSpec.curated((f"The image {image} is not pulled; {curated.name()} stands in for it.",))
    wanted = read_conda(conda)
    if not wanted.requirements:
        wanted.notes.append("The conda file names no package, so there is only Python itself.")
    spec = EnvironmentSpec(
        "", tuple(wanted.requirements), tuple(wanted.options), wanted.python_version, image, tuple(wanted.notes)
    )
    name = str(
        definition.get("name") or (conda.get("name") if isinstance(conda, dict) else "") or f"inline-{digest(spec)[:8]}"
    )
    if name == curated.name():
        name = f"{name}-own"
    return EnvironmentSpec(name, spec.requirements, spec.options, spec.python_version, image, spec.notes)
