"""Everything that changes environments."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.assets.addresses import is_local
from app.environments import engines, files, images, queries, resolving
from app.environments.conda import definition_of
from app.environments.files import EnvironmentFile
from app.environments.tables import EnvironmentVersion, ImageEnvironment
from app.errors import Invalid, NotFound

RESERVED = {"new", "images", "curated"}
MOST_IMAGES = 500
MOST_IMAGE_CHARACTERS = 255


def create(
    session: Session,
    workspace_id: int,
    source: str | Mapping[str, Any],
    uploads: Mapping[str, str] | None = None,
    *,
    created_by: str,
    source_yaml: str = "",
) -> EnvironmentVersion:
    """Take in an environment file as a new version, numbered by itself where the file does not say one.

    `uploads` has the text of its conda file and the address of its build context, under the paths as they are
    written. A version that there is already with the same definition is answered as it is, with the description
    and tags of this file. Raises Invalid that says with line and field all that is wrong, and AlreadyExists.
    """
    file = files.load(source)
    if file.name.lower() in RESERVED:
        raise Invalid(f"name: {file.name!r} is the address of a page; choose another name.", target="name")
    definition = _placed(file, uploads or {})
    spec = resolving.defined(session, workspace_id, {**definition, "name": file.name})
    if same := _same(session, workspace_id, file, definition):
        same.description, same.tags = file.description, dict(file.tags)
        return same
    made = queries.ENVIRONMENTS.add(
        session,
        workspace_id,
        file.name,
        file.version,
        description=file.description,
        tags=dict(file.tags),
        definition=definition,
        spec=None,
        source_yaml=source_yaml or (source if isinstance(source, str) else ""),
        warnings=[*file.warnings, *engines.notes_of(session, spec.to_dict())],
        created_by=created_by,
    )
    if not spec.is_curated:
        made.spec = spec.to_dict() | {"version": made.version}
    session.flush()
    return made


def _same(
    session: Session, workspace_id: int, file: EnvironmentFile, definition: dict[str, Any]
) -> EnvironmentVersion | None:
    environment = queries.find(session, workspace_id, file.name) if file.version else None
    if environment is None:
        return None
    found = session.scalar(queries.ENVIRONMENTS.of(environment).where(EnvironmentVersion.version == file.version))
    return found if found is not None and found.definition == definition else None


def _placed(file: EnvironmentFile, uploads: Mapping[str, str]) -> dict[str, Any]:
    """The definition with the conda file in it, and with the address of its build context."""
    definition = dict(file.definition)
    conda, build = definition.get("conda_file"), definition.get("build")
    if isinstance(conda, str):
        is_text = "\n" in conda.strip()
        text = conda if is_text else _uploaded("conda_file", conda, uploads)
        definition["conda_file"] = definition_of(text, "conda_file" if is_text else conda)
    if build and is_local(build["path"]):
        definition["build"] = build | {"path": _uploaded("build.path", build["path"], uploads)}
    return definition


def _uploaded(field: str, path: str, uploads: Mapping[str, str]) -> str:
    if path not in uploads:
        raise Invalid(
            f"{field}: {path!r} is a path on your machine, which the server cannot read. `atelier environment create "
            "-f FILE` sends it along; or give it in `uploads`, under the path as it is written.",
            target=field,
        )
    return uploads[path]


def change(
    version: EnvironmentVersion,
    *,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    labels: list[str] | None = None,
) -> None:
    """How a version is described and labelled; a label moves from the version that had it. What it is never changes."""
    version.description = version.description if description is None else description
    version.tags = version.tags if tags is None else tags
    if labels is None:
        return
    if "latest" in labels:
        raise Invalid("labels: 'latest' is the newest version by itself; it cannot be given.", target="labels")
    others = {label: at for label, at in version.environment.labels.items() if at != version.version}
    version.environment.labels = others | dict.fromkeys(labels, version.version)


def put_image(
    session: Session, workspace_id: int, image: str, environment: str, *, created_by: str
) -> ImageEnvironment:
    """Say what an image stands for; raises NotFound for an environment that there is not."""
    if not image or len(image) > MOST_IMAGE_CHARACTERS or any(character.isspace() for character in image):
        raise Invalid(
            f"image: {image[:80]!r} is no image; write its name, with * for anything, as in docker.io/me/*.",
            target="image",
        )
    resolving.resolve(session, workspace_id, environment)
    rows = images.of_workspace(session, workspace_id)
    row = next((row for row in rows if row.image == image), None)
    if row is None and len(rows) >= MOST_IMAGES:
        raise Invalid(
            f"image: a workspace's table has {MOST_IMAGES} images at most; let one with * stand for many.",
            target="image",
        )
    row = row or ImageEnvironment(workspace_id=workspace_id, image=image)
    row.environment, row.created_by = environment, created_by
    session.add(row)
    session.flush()
    return row


def remove_image(session: Session, workspace_id: int, image_id: int) -> ImageEnvironment:
    row = session.get(ImageEnvironment, image_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound(f"There is no row {image_id} in the table of images.", target="id")
    session.delete(row)
    return row
