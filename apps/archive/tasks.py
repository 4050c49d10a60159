"""Celery's door to the archive. A message is a nudge; the rows are the queue, and every task may run twice."""

import logging

from celery import shared_task
from django.conf import settings

from apps.archive import actions, schedule
from apps.catalog import tasks as derivations

log = logging.getLogger(__name__)

# A run leaves well before its time limit; what is still due is found by the next nudge.
RUN_S = 120


@shared_task(name="archive.plan")
def plan() -> int:
    """Give new generated tracks their rows, and wake a worker when something is due."""
    planned = schedule.plan()
    if schedule.due().exists():
        work.apply_async(expires=10)
    return planned


@shared_task(name="archive.work")
def work() -> int:
    """Archive what is due, the next to expire first."""
    tried = actions.work(limit=settings.ARCHIVE_LIMIT, seconds=RUN_S)
    derivations.sweep.delay()
    return tried


@shared_task(name="archive.sweep")
def sweep() -> None:
    """Heal: quarantine, drop, close; then plan as usual."""
    schedule.keep_house()
    plan()


@shared_task(name="archive.daily")
def daily() -> int:
    """The last-chance run (S3-11): complain about what should have been archived long ago, then work at once."""
    late = schedule.alarming().count()
    if late:
        log.error("archive alarm: %s assets are old or about to expire and not archived", late)
    schedule.keep_house()
    schedule.plan()
    return actions.work(limit=settings.ARCHIVE_LIMIT_MOST, seconds=RUN_S)
