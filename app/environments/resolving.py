"""From the `environment` of a job or deployment to what is built.

Source of the forms: azure-ai-ml's environment references, and the environment schema of CLI v2.
"""

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.connections import openings
from app.environments import contexts, curated, engines, images, inference, queries, references
from app.environments.conda import Wanted, definition_of, read_conda
from app.environments.references import Reference
from app.environments.specification import EnvironmentSpec, digest
from app.environments.tables import Environment, EnvironmentVersion
from app.errors import Invalid, NotFound
from app.kit.documents import Document
from app.kit.sections import Problems
from app.registries import queries as registries

FIELD = "environment"
KNOWN_NAMES = 200


def resolve(session: Session, workspace_id: int, environment: str | dict[str, Any] | None) -> dict[str, Any]:
    """What `EnvironmentSpec.from_dict` reads; nothing given means the curated environment.

    A mapping is an inline definition. A registered environment adds `asset`, with its name and version. Raises
    NotFound for a name, version or label that nobody knows and Invalid for a definition that cannot be built.
    """
    if environment is None:
        return EnvironmentSpec.curated().to_dict()
    if isinstance(environment, dict):
        return _opened(session, workspace_id, defined(session, workspace_id, environment)).to_dict()
    reference = references.parse(environment)
    found = _registered(session, workspace_id, reference)
    if found is None:
        return _curated(session, workspace_id, reference).to_dict()
    name = found.environment.name
    if reference.registry is not None:
        name = f"registries/{reference.registry}/{name}"
    home = found.environment.workspace_id
    spec = _opened(session, workspace_id, spec_of(session, home, found))
    return spec.to_dict() | {"asset": {"name": name, "version": found.version}}


def spec_of(session: Session, workspace_id: int, version: EnvironmentVersion) -> EnvironmentSpec:
    """What is built of a registered version. What an image stands for is looked up each time."""
    if version.spec is not None:
        return _opened(session, workspace_id, EnvironmentSpec.from_dict(version.spec))
    return _opened(session, workspace_id, defined(session, workspace_id, version.definition))


def _opened(session: Session, workspace_id: int, spec: EnvironmentSpec) -> EnvironmentSpec:
    """With the connections of the workspace that open what the environment names by its address."""
    if spec.is_curated:
        return spec
    return replace(spec, feeds=openings.named(session, workspace_id, (*spec.options, *spec.requirements)))


def _registered(session: Session, workspace_id: int, reference: Reference) -> EnvironmentVersion | None:
    """None where the workspace has none of that name, which may then be a curated one's."""
    if reference.registry == curated.REGISTRY:
        return None
    try:
        home = registries.get(session, reference.registry).workspace_id if reference.registry else workspace_id
        if reference.registry is None and queries.find(session, home, reference.name) is None:
            return None
        return queries.get_version(session, home, reference.name, reference.version, reference.label)
    except NotFound as error:
        raise NotFound(f"{FIELD}: {error.message}", target=FIELD) from error


def _curated(session: Session, workspace_id: int, reference: Reference) -> EnvironmentSpec:
    name = reference.name
    if name in curated.environments():
        check_version(name, reference.version, reference.label)
        return EnvironmentSpec.curated(name=name)
    is_azures = reference.registry is not None or name.lower().startswith(curated.PREFIX)
    kept = curated.stand_in(name) if is_azures else None
    if kept is None:
        raise NotFound(_unknown(session, workspace_id, name), target=FIELD)
    return EnvironmentSpec.curated((f"{name} is not kept here; {kept} stands in for it.",), kept)


def check_version(name: str, version: str | None, label: str | None) -> None:
    """A curated environment has one version; raises NotFound for another."""
    if version not in (None, curated.VERSION) or label not in (None, "latest"):
        asked = f"version {version!r}" if version else f"label {label!r}"
        raise NotFound(
            f"{FIELD}: curated environment {name!r} has no {asked}; it has version {curated.VERSION!r} and "
            "the label 'latest'.",
            target=FIELD,
        )


def _unknown(session: Session, workspace_id: int, name: str) -> str:
    own = select(Environment.name).where(Environment.workspace_id == workspace_id, ~Environment.archived)
    known = [*curated.environments(), *session.scalars(own.order_by(Environment.updated_at.desc()).limit(KNOWN_NAMES))]
    close = get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(curated.environments())}."
    azures = (
        f" The curated one of Azure ML is azureml://registries/azureml/environments/{name}/labels/latest."
        if curated.stand_in(name)
        else " Register one with `atelier environment create`, or define it in the job with `conda_file`."
    )
    return f"{FIELD}: there is no environment {name!r}; {hint}{azures}"


def defined(session: Session, workspace_id: int, definition: dict[str, Any]) -> EnvironmentSpec:
    """An inline definition, with the text or the fields of its conda file, and its build context uploaded."""
    spec = _defined(session, workspace_id, definition)
    routes = inference.read(definition.get("inference_config"))
    if routes is None or spec.container is None:
        return spec
    return replace(spec, container={**spec.container, "inference": routes})


def _defined(session: Session, workspace_id: int, definition: dict[str, Any]) -> EnvironmentSpec:
    image, conda, build = (definition.get(name) for name in ("image", "conda_file", "build"))
    if build:
        return named_as(_of_build(session, workspace_id, build), definition.get("name"))
    if conda is not None:
        return named_as(of_conda(conda, image), definition.get("name"))
    if not image:
        raise Invalid(f"{FIELD}: give `conda_file`, `image` or `build`, or the name of an environment.", target=FIELD)
    return of_image(session, workspace_id, image)


def of_image(session: Session, workspace_id: int, image: str) -> EnvironmentSpec:
    """The environment that a container image stands for, with a note that says so.

    Where the workspace's own table names the image, it is not run as a container anywhere.
    """
    reference = images.reference_for(session, workspace_id, image)
    found = EnvironmentSpec.from_dict(resolve(session, workspace_id, reference.environment))
    note = (
        f"The image {image} is not pulled; the environment {found.name} stands in for it, as the table of images says "
        f"for {reference.pattern}."
    )
    return replace(found, notes=(*found.notes, note), container=None if reference.is_own else {"image": image})


def of_conda(conda: Any, image: str | None = None) -> EnvironmentSpec:
    """What a conda definition asks for, or the text of a conda or requirements file; raises Invalid."""
    if isinstance(conda, str):
        if "\n" not in conda.strip():
            raise Invalid(
                f"{FIELD}.conda_file: {conda!r} is a path on your machine, which the server cannot read; give the text "
                "of the file.",
                target=f"{FIELD}.conda_file",
            )
        conda = definition_of(conda, "conda_file")
    problems = Problems(Document(conda, FIELD))
    wanted = read_conda(problems, conda, ("conda_file",))
    problems.raise_found()
    name = str(conda.get("name") or "")
    if image:
        wanted.notes.append(f"The image {image} is not pulled; the packages of the conda file are installed here.")
    return replace(_spec(wanted, name, image), container={"image": image, "conda": conda} if image else None)


def _of_build(session: Session, workspace_id: int, build: dict[str, str]) -> EnvironmentSpec:
    """What stands in for the image of a Dockerfile, and the image itself for workers with a container engine.

    Raises Invalid for a Dockerfile that nothing can stand in for, while no worker has an engine.
    """
    container = {"build": contexts.stored(workspace_id, build)}
    try:
        found, base = _packages_of_build(session, workspace_id, build)
        return replace(found, container={"build": {**container["build"], "base": base}})
    except Invalid as error:
        if not engines.available(session, on_host=True):
            raise
        return EnvironmentSpec("", (), notes=(error.message,), container=container, is_image_only=True)


def _packages_of_build(session: Session, workspace_id: int, build: dict[str, str]) -> tuple[EnvironmentSpec, str]:
    """The packages that a Dockerfile installs, over those that its base image brings; and that image."""
    image = contexts.read_context(workspace_id, build)
    wanted, base = image.wanted, image.base
    if not curated.is_plain(base):
        below = of_image(session, workspace_id, base)
        if not wanted.requirements:
            return replace(below, notes=(*below.notes, *wanted.notes)), base
        own = curated.environments().get(below.name) if below.is_curated else None
        wanted.requirements = [*(own.packages if own else below.requirements), *wanted.requirements]
        wanted.options = [*below.options, *wanted.options]
    elif not wanted.requirements:
        raise Invalid(
            f"{FIELD}.build: no image is built here, and the Dockerfile installs nothing with pip or conda that could "
            "be installed instead; list the packages in `conda_file`.",
            target=f"{FIELD}.build",
        )
    wanted.notes.insert(0, f"No image is built from the Dockerfile; what it installs over {base} is installed here.")
    return _spec(wanted, "", base), base


def _spec(wanted: Wanted, name: str, image: str | None) -> EnvironmentSpec:
    if not wanted.requirements:
        wanted.notes.append("The conda file names no package, so there is only Python itself.")
    return EnvironmentSpec(
        name, tuple(wanted.requirements), tuple(wanted.options), wanted.python_version, image, tuple(wanted.notes)
    )


def named_as(spec: EnvironmentSpec, name: str | None = None) -> EnvironmentSpec:
    """Under its own name, which is never a curated one's."""
    if spec.is_curated:
        return spec
    name = str(name or spec.name or f"inline-{digest(spec)[:8]}")
    return replace(spec, name=f"{name}-own" if name in curated.environments() else name)
