"""The task queue as its senders see it: a name and arguments. The code of tasks lives in `workers`."""

import redis
from celery import Celery

from app.kit import live

JOBS = "jobs"

celery = Celery("atelier")
_probe: redis.Redis


def connect(redis_url: str) -> None:
    global _probe
    _probe = live.client(redis_url)
    celery.conf.update(
        broker_url=redis_url,
        task_ignore_result=True,
        task_default_queue=JOBS,
        task_create_missing_queues=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"socket_timeout": 10, "socket_connect_timeout": 2},
        worker_hijack_root_logger=False,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        enable_utc=True,
    )


def send(name: str, args: tuple) -> None:
    """Put a task on the queue; raises at once when the queue cannot be reached."""
    # The client below Celery would try to connect for several seconds, with a user waiting.
    _probe.ping()
    celery.send_task(name, args, retry=False)
