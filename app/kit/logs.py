"""Structured logs: one JSON object a line, with the id of the request that it belongs to."""

import json
import logging
import os
import sys
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler

FILE_BYTES = 20 * 2**20
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_as_json(level: str) -> None:
    """Log to the file that `ATELIER_LOG_FILE` names, kept below 100 MB, or to standard error."""
    file = os.environ.get("ATELIER_LOG_FILE")
    if file:
        handler = RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=4)
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn.access", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
