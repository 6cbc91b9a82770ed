"""The worker process: the same queue, tables and listeners as the web process, plus the tasks."""

import os

from celery.signals import setup_logging, worker_ready, worker_shutdown

from app import domains
from app.kit import queue
from app.kit.logs import log_as_json
from app.kit.queue import celery
from app.settings import current

celery.conf.include = ["workers.tasks.jobs"]
queue.connect(current().redis_url)


@setup_logging.connect
def _log(**_) -> None:
    log_as_json(current().log_level)


def slots() -> int:
    return current().slots or os.cpu_count() or 1


@worker_ready.connect
def _start(**_) -> None:
    from workers import duties

    duties.start()


@worker_shutdown.connect
def _stop(**_) -> None:
    from workers import duties

    duties.stop()


def start_domains() -> None:
    domains.start(current())
