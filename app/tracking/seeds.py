"""Which parameters are seeds, and which runs are one configuration: the same parameters but for their seeds."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from app.errors import Invalid
from app.jobs.tables import Job
from app.kit.marks import Mark, mark, xor
from app.tracking.tables import Configuration, Param

_SEED = re.compile(
    r"(?:.*(?:[./:]|__))?(?:(?:(?:random|rng|global|manual)[_\- ]*)?seed|random[_\- ]*state)", re.IGNORECASE
)


def is_seed(key: str) -> bool:
    """Whether a parameter is a seed by its name: `seed`, `random_state`, `RandomSeed`, `trainer.seed` and the like."""
    return _SEED.fullmatch(key) is not None


def others(text: str) -> list[str]:
    """The parameters of `seeds=fold,trial`, which count as seeds as well."""
    return [part.strip() for part in text.split(",") if part.strip()][:5]


def parse(text: str, target: str) -> tuple[int, int]:
    """The experiment and digest of a configuration `3.1234`; raises Invalid for what names none."""
    experiment, _, digest = text.partition(".")
    if not experiment.isdigit() or not digest.isdigit():
        raise Invalid(f"{target}: {text!r} is no configuration of this table.", target=target)
    return int(experiment), int(digest)


def narrow(found: Select, configuration: str, others: Sequence[str]) -> Select:
    """Keep those of the selected jobs that are of one configuration."""
    experiment_id, wanted = parse(configuration, "configuration")
    found = found.where(Job.experiment_id == experiment_id)
    if wanted and not others:
        return found.where(Job.id.in_(select(Configuration.job_id).where(Configuration.digest == wanted)))
    found, digest = with_digest(found, others)
    return found.where(func.coalesce(digest, 0) == wanted)


def add(session: Session, job_id: int, params: Iterable[tuple[str, str]]) -> None:
    """Take new parameters of a run into the digest of its configuration, which does not heed their order."""
    digest = 0
    for key, value in params:
        if not is_seed(key):
            digest ^= mark(_text(key, value))
    connection = session.connection()
    connection.execute(_ADD[connection.dialect.name], {"job_id": job_id, "digest": digest})


def _text(key, value):
    """The same of two texts and of two columns; names of parameters hold no equals sign."""
    return key + "=" + value


def with_digest(found: Select, others: Sequence[str]) -> tuple[Select, ColumnElement[int]]:
    """Selected jobs with the digest of their configuration: NULL for a run without parameters.

    `others` are parameters that count as seeds as well.
    """
    table = aliased(Configuration)
    found = found.outerjoin(table, table.job_id == Job.id)
    digest = table.digest
    for key in others:
        if not is_seed(key):
            other = aliased(Param)
            found = found.outerjoin(other, (other.job_id == Job.id) & (other.key == key))
            digest = xor(digest, func.coalesce(Mark(_text(other.key, other.value)), literal(0, BigInteger)))
    return found, digest


def _add_with(dialect):
    statement = dialect.insert(Configuration.__table__)
    digest = xor(Configuration.__table__.c.digest, statement.excluded.digest)
    return statement.on_conflict_do_update(index_elements=["job_id"], set_={"digest": digest})


_ADD = {"sqlite": _add_with(sqlite), "postgresql": _add_with(postgresql)}
