"""Whether the server lives, and whether what it needs answers."""

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.compute import queries as compute
from app.database import reading
from app.settings import Settings


def readiness(settings: Settings) -> dict:
    """`status` is `ready` when registry and queue answer; each part says how it is."""
    state = {"registry": _registry(), "queue": _queue(settings.redis_url)}
    ready = state["queue"] == "ok" and state["registry"] == "ok"
    return {"status": "ready" if ready else "not ready", **state, "workers": _workers() if ready else 0}


def _registry() -> str:
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"does not answer: {type(error).__name__}"
    return "ok"


def _queue(redis_url: str) -> str:
    try:
        with redis.Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=1) as client:
            client.ping()
    except redis.RedisError as error:
        return f"does not answer: {type(error).__name__}"
    return "ok"


def _workers() -> int:
    with reading() as session:
        return len(compute.working(session))
