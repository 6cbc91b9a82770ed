"""What is to be done to runs, as REST and forms send it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Arguments(BaseModel):
    """What an action needs: `experiment` (a name) to move and copy, `key` and `value` to tag, `key` to untag,
    `name` to rename. `children` takes the runs below along.

    In `name` the word `{name}` stands for the old name of a run and `{n}` for its number.
    """

    experiment: str = ""
    key: str = ""
    value: str = ""
    name: str = ""
    children: bool = True


class Bulk(Arguments):
    """`names` names runs; `query`, that of the run table's address such as `experiment=x&filter=…`, all that match."""

    names: list[str] = Field(default_factory=list)
    query: str | None = None


class Target(BaseModel):
    """Where runs go: the name of an experiment, and whether the runs below go along."""

    experiment: str
    children: bool = True


class OperationRead(BaseModel):
    """Progress of an action on many runs; `refusals` are the first reasons why a run was left as it is."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    action: str
    status: str
    total: int
    done: int
    refused: int
    refusals: list[str]
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class BulkResult(BaseModel):
    """`names` are the runs that were changed, or the new ones; `operation` is set where a worker goes on with it."""

    names: list[str]
    operation: OperationRead | None = None
