"""Messages that may get lost: the row is the queue, so a broker that is away costs latency and nothing else."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError
from redis import RedisError

log = logging.getLogger(__name__)

# A broker that cannot be reached, that is full or breaks off: kombu passes some of it on as it came.
AWAY = (OperationalError, RedisError, OSError)
# By then a sweep has found the row; a queue of old nudges would only be in the way.
WORTH_S = 60


def send(task, *args) -> None:
    """Send the task's message once the transaction holds; never fails for want of a broker."""
    transaction.on_commit(lambda: _send(task, args))


def _send(task, args: tuple) -> None:
    try:
        task.apply_async(args, retry=False, expires=WORTH_S)
    except AWAY as away:
        log.warning("%s not nudged, the next sweep finds the row: %s", task.name, away)
