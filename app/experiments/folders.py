"""Folders of experiments: made, renamed, moved and deleted. Names of experiments, as clients see them, never change."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.errors import AlreadyExists, Invalid, NotFound
from app.experiments.tables import Experiment, Folder

LONGEST_PATH = 500
_UNSEEN = {"synchronize_session": False}


def checked(path: str, field: str = "folder") -> str:
    """A path without slashes around it; raises Invalid for one that is empty, too long, or has an empty part."""
    path = "/".join(part.strip() for part in path.strip().strip("/").split("/"))
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise Invalid(
            f"{field}: {path!r} is no path of a folder; write names with a slash between them, such as "
            "vision/detectors.",
            target=field,
        )
    if len(path) > LONGEST_PATH:
        raise Invalid(f"{field}: a path has at most {LONGEST_PATH} characters.", target=field)
    return path


def find(session: Session, workspace_id: int, path: str) -> Folder | None:
    return session.scalar(select(Folder).where(Folder.workspace_id == workspace_id, Folder.path == path))


def get(session: Session, workspace_id: int, path: str, field: str = "folder") -> Folder:
    found = find(session, workspace_id, checked(path, field))
    if found is None:
        raise NotFound(f"{field}: there is no folder {path!r} in this workspace.", target=field)
    return found


def get_or_none(session: Session, workspace_id: int, path: str) -> Folder | None:
    """The folder of a path; the empty path is the top, which is no folder."""
    return get(session, workspace_id, path) if path.strip("/ ") else None


def ensure(session: Session, workspace_id: int, path: str) -> Folder | None:
    """The folder of a path, made with all above it where it is not there; None for the empty path."""
    if not path.strip("/ "):
        return None
    path, folder = checked(path), None
    for depth in range(1, path.count("/") + 2):
        step = "/".join(path.split("/")[:depth])
        found = find(session, workspace_id, step)
        if found is None:
            found = Folder(workspace_id=workspace_id, parent_id=folder.id if folder else None, path=step)
            session.add(found)
            session.flush()
        folder = found
    return folder


def create(session: Session, workspace_id: int, path: str) -> Folder:
    if find(session, workspace_id, checked(path)):
        raise AlreadyExists(f"folder: there is a folder {checked(path)!r} already.", target="folder")
    return ensure(session, workspace_id, path)


def move(session: Session, folder: Folder, path: str) -> None:
    """Give a folder another path: another name, another place or both. All that it holds goes along."""
    path, old = checked(path, "path"), folder.path
    if path == old:
        return
    if path.startswith(f"{old}/"):
        raise Invalid(f"path: {path!r} lies within the folder {old!r} itself.", target="path")
    if find(session, folder.workspace_id, path):
        raise AlreadyExists(f"path: there is a folder {path!r} already.", target="path")
    parent = ensure(session, folder.workspace_id, path.rpartition("/")[0])
    moved = path + func.substr(Folder.path, len(old) + 1)
    session.execute(update(Folder).where(below(folder)).values(path=moved), execution_options=_UNSEEN)
    session.expire_all()
    folder.parent_id = parent.id if parent else None
    session.flush()


def remove(session: Session, folder: Folder) -> None:
    """Delete a folder and those below; their experiments go to the folder above."""
    inside = select(Folder.id).where(below(folder))
    moved = update(Experiment).where(Experiment.folder_id.in_(inside))
    # An experiment is not changed by where it lies, so the time of its last update stays.
    values = {"folder_id": folder.parent_id, "updated_at": Experiment.updated_at}
    session.execute(moved.values(values), execution_options=_UNSEEN)
    session.execute(delete(Folder).where(below(folder)), execution_options=_UNSEEN)
    session.expire_all()


def place(session: Session, experiment_ids: Sequence[int], folder: Folder | None) -> None:
    """Put experiments into a folder, or at the top."""
    values = {"folder_id": folder.id if folder else None, "updated_at": Experiment.updated_at}
    moved = update(Experiment).where(Experiment.id.in_(experiment_ids)).values(values)
    session.execute(moved, execution_options=_UNSEEN)
    session.expire_all()


def below(folder: Folder) -> ColumnElement[bool]:
    """The folder and all in it."""
    inside = Folder.path.startswith(f"{folder.path}/", autoescape=True)
    return (Folder.workspace_id == folder.workspace_id) & or_(Folder.path == folder.path, inside)


def children(session: Session, workspace_id: int, parent_id: int | None, most: int) -> Sequence[Folder]:
    found = select(Folder).where(Folder.workspace_id == workspace_id, Folder.parent_id == parent_id)
    return session.scalars(found.order_by(Folder.path).limit(most)).all()


def paths_of(session: Session, folder_ids: Sequence[int]) -> dict[int, str]:
    return dict(session.execute(select(Folder.id, Folder.path).where(Folder.id.in_(folder_ids))).all())


def matching(session: Session, workspace_id: int, text: str, most: int) -> Sequence[str]:
    """Paths that hold a text, to complete a field with."""
    found = select(Folder.path).where(Folder.workspace_id == workspace_id)
    return session.scalars(
        found.where(Folder.path.icontains(text, autoescape=True)).order_by(Folder.path).limit(most)
    ).all()
