"""Messages that may get lost: the row is the queue, so a broker that is away costs latency and nothing else."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def send(task, *args) -> None:
    """Send the task's message once the transaction holds; never fails for want of a broker."""
    transaction.on_commit(lambda: _send(task, args))


def _send(task, args: tuple) -> None:
    try:
        task.apply_async(args, retry=False)
    except OperationalError as away:
        log.warning("%s not nudged, the next sweep finds the row: %s", task.name, away)
