"""Structured logs: one JSON object a line, with the id of the request that it belongs to."""

import logging
import os
import sys
from contextvars import ContextVar
from datetime import datetime
from logging.handlers import RotatingFileHandler

import orjson

FILE_BYTES = 20 * 2**20
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class RotatingFile(RotatingFileHandler):
    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """By the size of the open file; the library looks at its path twice a line, which costs more than the line."""
        return os.fstat(self.stream.fileno()).st_size >= self.maxBytes


def log_as_json(level: str) -> None:
    """Log to the file that `ATELIER_LOG_FILE` names, kept below 100 MB, or to standard error."""
    file = os.environ.get("ATELIER_LOG_FILE")
    if file:
        handler = RotatingFile(file, maxBytes=FILE_BYTES, backupCount=4)
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # No line tells where in the code or in which thread it was logged, and to find out takes longest.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = logging.logAsyncioTasks = False
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn.access", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
