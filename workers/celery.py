"""The worker process: the same queue, tables and listeners as the web process, plus the tasks."""

from celery.signals import setup_logging, worker_init, worker_shutdown, worker_shutting_down

from app.kit import queue
from app.kit.logs import log_as_json
from app.kit.queue import celery
from app.settings import current
from workers import duties

celery.conf.include = ["workers.tasks.jobs", "workers.tasks.pipelines", "workers.tasks.runs"]
queue.connect(current().redis_url)


@setup_logging.connect
def _log(**_) -> None:
    log_as_json(current().log_level)


@worker_init.connect
def _start(**_) -> None:
    duties.start()


@worker_shutting_down.connect
def _let_go(**_) -> None:
    duties.let_go()


@worker_shutdown.connect
def _stop(**_) -> None:
    duties.stop()
