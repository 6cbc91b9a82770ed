from dataclasses import dataclass

from app.jobs.lifecycle import Status


@dataclass(frozen=True)
class JobFinished:
    """A job came to its end, within the transaction that says so."""

    job_id: int
    parent_id: int | None
    status: Status


@dataclass(frozen=True)
class OutputNamed:
    """A job wrote an output that its file names as an asset: `outputs.x.name`.

    `key` is the storage key of the files, `type` the output's (uri_folder, mlflow_model, …).
    """

    job_id: int
    port: str
    type: str
    key: str
    name: str
    version: str | None
