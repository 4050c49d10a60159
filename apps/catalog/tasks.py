"""Celery's door to derivations. A message is a nudge; the rows are the queue."""

import time

from celery import shared_task

from apps.catalog import derive
from apps.lib import spool

# A sweep leaves the worker before its time limit and comes back with the next beat.
SWEEP_S = 60


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
