from dataclasses import dataclass


@dataclass(frozen=True)
class OutputTaken:
    """A version of a data asset was registered of what a job left, in the output `output`."""

    job_id: int
    output: str
    name: str
    version: str
