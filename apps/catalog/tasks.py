"""Celery's door to derivations. A message is a nudge; the rows are the queue."""

import logging
import time

from celery import shared_task

from apps.catalog import derive, sweeper
from apps.lib import spool

log = logging.getLogger(__name__)

# A sweep leaves the worker before its time limit and comes back with the next beat.
SWEEP_S = 60
BLOBS_S = 1200


@shared_task(name="catalog.sweep")
def sweep() -> int:
    """Work off due derivations one by one; returns how many."""
    spool.sweep()
    derive.give_up_poison()
    started, done = time.monotonic(), 0
    while time.monotonic() - started < SWEEP_S and (rows := derive.claim(limit=1)):
        derive.run(rows[0])
        done += 1
    return done


@shared_task(name="catalog.sweep_blobs")
def sweep_blobs() -> int:
    """Daily: remove stored files that nobody uses; what is left when the time is over waits for the next day."""
    swept = sweeper.sweep(seconds=BLOBS_S)
    log.info("blobs: %s", swept)
    return swept.removed
