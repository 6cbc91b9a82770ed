"""Marks of texts: numbers of 60 bits, the same in Python, SQLite and PostgreSQL, whose XOR marks a set of texts."""

import hashlib
import sqlite3

from sqlalchemy import BigInteger, ColumnElement, Engine, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_DIGITS = 15


def mark(text: str) -> int:
    """The first 60 bits of the text's MD5, which PostgreSQL has built in."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_DIGITS], 16)


def xor(one, other) -> ColumnElement[int]:
    """The exclusive or of two integers in SQL; SQLite has no operator for it."""
    return one.bitwise_or(other) - one.bitwise_and(other)


class Mark(FunctionElement):
    """`mark` of a column of texts; NULL for NULL."""

    type = BigInteger()
    inherit_cache = True
    name = "mark"


@compiles(Mark, "sqlite")
def _in_sqlite(element, compiler, **options) -> str:
    return f"mark({compiler.process(element.clauses, **options)})"


@compiles(Mark, "postgresql")
def _in_postgresql(element, compiler, **options) -> str:
    text = compiler.process(element.clauses, **options)
    return f"('x' || left(md5({text}), {_DIGITS}))::bit({4 * _DIGITS})::bigint"


@event.listens_for(Engine, "connect")
def _teach_sqlite(connection, _record) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("mark", 1, lambda text: None if text is None else mark(text), deterministic=True)
