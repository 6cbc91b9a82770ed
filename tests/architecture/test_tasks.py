"""A name that is enqueued is a task that a worker knows."""

import re
from pathlib import Path

from app.settings import PROJECT


def test_every_enqueued_name_is_a_registered_task():
    enqueued = re.compile(r'(?:enqueue\(session, |queue\.send\()"([\w.]+)"')
    named = re.compile(r'@celery\.task\(name="([\w.]+)"')
    source = "".join(path.read_text() for folder in ("app", "workers") for path in Path(PROJECT, folder).rglob("*.py"))
    names = set(enqueued.findall(source))
    assert names and names <= set(named.findall(source))
