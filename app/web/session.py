"""A request is one transaction."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.database import reading, transaction

SAFE = {"GET", "HEAD", "OPTIONS"}


def _request_session(request: Request) -> Iterator[Session]:
    if request.method in SAFE:
        with reading() as session:
            yield session
    else:
        with transaction() as session:
            yield session
            for conclude in session.info.pop("conclude", ()):
                conclude(session)


def _reading_session() -> Iterator[Session]:
    with reading() as session:
        yield session


# "function" commits before the response leaves; FastAPI's default scope commits after it.
SessionDep = Annotated[Session, Depends(_request_session, scope="function")]
"""The request's transaction; one that only reads when the method promises so."""

ReadSessionDep = Annotated[Session, Depends(_reading_session, scope="function")]
"""For a POST that only reads, such as a search: on SQLite it waits for no writer."""
