"""Which status may follow which, and which job goes first. Pure: knows nothing of the database."""

from enum import IntEnum, StrEnum


class Status(StrEnum):
    """Azure ML's states of a job."""

    NOT_STARTED = "NotStarted"
    QUEUED = "Queued"
    PREPARING = "Preparing"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def is_final(self) -> bool:
        return self in FINAL


class Priority(IntEnum):
    """Azure ML's priorities of a queued job; the lowest number goes first."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3

    @property
    def label(self) -> str:
        return self.name.lower()


FINAL = {Status.COMPLETED, Status.FAILED, Status.CANCELED}
HELD = {Status.PREPARING, Status.RUNNING, Status.FINALIZING}
"""States in which a worker holds the job."""

BEFORE_START = {Status.NOT_STARTED, Status.QUEUED}
BEFORE_END = {*BEFORE_START, *HELD}

# Who moves into a state may come from these. A finished run may be opened again by the client
# that logged it (`mlflow.start_run(run_id=…)`); a job that a worker ran may not: see `service.move`.
FOLLOWS = {
    Status.QUEUED: {Status.NOT_STARTED, *HELD},
    Status.PREPARING: {Status.QUEUED},
    Status.RUNNING: {Status.NOT_STARTED, Status.QUEUED, Status.PREPARING},
    Status.FINALIZING: {Status.RUNNING},
    Status.CANCEL_REQUESTED: BEFORE_END,
    Status.COMPLETED: {Status.RUNNING, Status.FINALIZING},
    Status.FAILED: {*BEFORE_END, Status.CANCEL_REQUESTED},
    Status.CANCELED: {Status.CANCEL_REQUESTED, *BEFORE_START, Status.RUNNING},
}
