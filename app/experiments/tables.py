"""An experiment: the name under which jobs are gathered and compared, and the folder that it lies in."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now


class Folder(Base):
    """`path` is the names from the top down, such as `vision/detectors`; every folder above is a row too.

    Experiments name their folder by id, so that a folder of any size is renamed or moved by
    writing the paths of the folders below it, and no experiment.
    """

    __tablename__ = "experiment_folders"
    __table_args__ = (UniqueConstraint("workspace_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("experiment_folders.id"), index=True)
    path: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Experiment(Base):
    """`lifecycle_stage` is MLflow's: active or deleted. `is_default` marks the one that MLflow calls 0."""

    __tablename__ = "experiments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    artifact_location: Mapped[str | None]
    lifecycle_stage: Mapped[str] = mapped_column(default="active")
    is_default: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[dict] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    folder_id: Mapped[int | None] = mapped_column(ForeignKey("experiment_folders.id"), index=True)

    @property
    def description(self) -> str:
        return self.tags.get("mlflow.note.content", "")


class Filed:
    """What an experiment holds and may lose to another: its files stay where clients know them to be.

    Both columns are NULL until it is moved, and then tell of the experiment that it was logged
    under: its id, and its artifact location where that is not with the server.
    """

    files_experiment_id: Mapped[int | None]
    files_location: Mapped[str | None]

    @property
    def files_folder(self) -> int:
        """The id of the experiment in whose folder of the artifact store the files lie."""
        return self.files_experiment_id or self.experiment_id
