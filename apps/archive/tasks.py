"""Celery's door to the archive. A message is a nudge; the rows are the queue, and every task may run twice."""

import logging

from celery import shared_task
from django.conf import settings

from apps.archive import manifests, schedule, verifications, working
from apps.catalog import tasks as derivations
from apps.lib import nudges, spool

log = logging.getLogger(__name__)

# A run leaves well before its time limit; what is still due is found by the next nudge.
RUN_S = 120


def nudge() -> None:
    nudges.send(work)


@shared_task(name="archive.plan")
def plan() -> int:
    """Give new generated tracks their rows, and wake a worker when something is due."""
    planned = schedule.plan()
    if schedule.due().exists() or schedule.quarantined().exists():
        nudge()
    return planned


@shared_task(name="archive.work")
def work() -> int:
    """Archive what is due, the next to expire first."""
    return _run(settings.ARCHIVE_LIMIT)


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
    return _run(settings.ARCHIVE_LIMIT_MOST)


def _run(limit: int) -> int:
    """One run at a time on this machine: its threads take what falls due, and the other process stays free to plan."""
    with spool.alone("archive") as first:
        if not first:
            return 0
        tried = working.work(limit=limit, seconds=RUN_S) + working.work_quarantined()
    nudges.send(derivations.sweep)
    return tried


@shared_task(name="ledger.close")
def close() -> int:
    """Close the days that are over; what was missed is closed at the next look. Returns how many."""
    return len(manifests.close())


@shared_task(name="ledger.verify")
def verify() -> None:
    """Hold the site against its ledger, when somebody asked for it."""
    verifications.work()
