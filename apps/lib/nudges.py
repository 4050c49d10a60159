"""Messages that may get lost: the row is the queue, so a broker that is away costs latency and nothing else."""

import logging

from django.db import transaction

log = logging.getLogger(__name__)

# By then a sweep has found the row; a queue of old nudges would only be in the way.
WORTH_S = 60


def send(task, *args) -> None:
    """Send the task's message once the transaction holds; never fails, whatever the broker does."""
    transaction.on_commit(lambda: _send(task, args))


def _send(task, args: tuple) -> None:
    try:
        task.apply_async(args, retry=False, expires=WORTH_S)
    except Exception as away:  # one that is full, or answers nonsense, is told of by other exceptions than one away
        log.warning("%s not nudged, the next sweep finds the row: %s", task.name, away)
