"""The worker process. Celery's own command line would set up a terminal first, for a fifth of a second."""

import gc
import sys

# Jobs run beside the tasks of the queue, which only say that one waits, or are short.
TASKS_AT_A_TIME = 2


def main() -> int:
    # Next to nothing of what is imported is garbage.
    gc.disable()
    from workers.celery import celery

    worker = celery.Worker(
        pool_cls="threads",
        concurrency=TASKS_AT_A_TIME,
        queues=["jobs"],
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    gc.freeze()
    gc.enable()
    worker.start()
    return worker.exitcode


if __name__ == "__main__":
    sys.exit(main())
