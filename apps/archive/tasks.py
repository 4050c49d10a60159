"""Celery's door to the archive. A message is a nudge; the rows are the queue, and every task may run twice."""

import logging
from contextlib import ExitStack

from celery import shared_task
from django.conf import settings

from apps.archive import (
    copies,
    generations,
    manifests,
    orders,
    orphans,
    schedule,
    scrubbing,
    verifications,
    watching,
    working,
)
from apps.catalog import tasks as derivations
from apps.lib import nudges, spool

log = logging.getLogger(__name__)

# A run leaves well before its time limit; what is still due is found by the next nudge.
RUN_S, EVERYTHING = 120, 1_000_000
ASKING_S = 10
# So do the slices of what goes on all day.
SCRUB_S, COPY_S, COPY_BYTES, ORPHANS_S = 60, 45, 2_000_000_000, 1200
ORDERS_S = 60


def nudge() -> None:
    nudges.send(work)


def nudge_asking() -> None:
    nudges.send(ask)


@shared_task(name="archive.ask")
def ask() -> int:
    """Ask the providers for generations that are due; what is finished is archived next. One at a time per machine."""
    with spool.alone("generations") as first:
        if not first:
            return 0
        asked = generations.work(seconds=ASKING_S)
    if asked:
        plan()
    return asked


@shared_task(name="archive.plan")
def plan() -> int:
    """Give new generated tracks their rows, and wake a worker when something is due."""
    planned = schedule.plan()
    _wake()
    return planned


def _wake() -> None:
    if schedule.due().exists() or schedule.quarantined().exists():
        nudge()


@shared_task(name="archive.work")
def work() -> int:
    """Archive what is due, the next to expire first."""
    return _run(EVERYTHING)


@shared_task(name="archive.sweep")
def sweep() -> None:
    """Heal: quarantine, drop, close; then plan as usual, and say so if the promise is in danger.

    What is due then and nobody works at is worked off here: a nudge of ours may never arrive (F5).
    """
    schedule.keep_house()
    generations.keep_house()
    plan()
    watching.after_sweep()
    _run(EVERYTHING)


@shared_task(name="archive.daily")
def daily() -> int:
    """The last-chance run (S3-11): complain about what should have been archived long ago, then work at once."""
    late = schedule.alarming().count()
    if late:
        log.error("archive alarm: %s assets are old or about to expire and not archived", late)
    watching.look(daily=True)
    watching.forget()
    orders.forget()
    schedule.keep_house()
    schedule.plan()
    return _run(settings.ARCHIVE_LIMIT_MOST)


# These read and write much and wait for nothing: named apart, they go with the work that is not urgent.
@shared_task(name="fixity.scrub")
def scrub() -> int:
    """Read again what is due; returns how many files."""
    looked = scrubbing.run(seconds=SCRUB_S)
    return looked.files if looked else 0


@shared_task(name="fixity.copy")
def copy() -> int:
    """Copy to the second place what has no copy yet; returns how many files."""
    return copies.run(seconds=COPY_S, most=COPY_BYTES).files


@shared_task(name="fixity.orphans")
def sweep_orphans() -> int:
    """Daily: look for what lies in the stores and nobody names, and for what is named and does not lie there."""
    found = orphans.sweep(seconds=ORPHANS_S)
    log.info("orphans: %s", found)
    return sum(one.removed for one in found.values())


@shared_task(name="archive.orders")
def follow_orders() -> int:
    """What staff asked of many assets at once; what is due then is worked off as ever."""
    looked = orders.work(seconds=ORDERS_S)
    if looked:
        nudge()
    return looked


def _run(limit: int) -> int:
    """One run claims at a time on this machine: its threads take what falls due, and the other process stays free to
    plan. When it claims no more the next one goes on, while its last downloads come to their end."""
    with ExitStack() as claiming:
        if not claiming.enter_context(spool.alone(schedule.RUN)):
            return 0

        def over() -> None:
            claiming.close()
            _wake()

        tried = working.work(limit=limit, seconds=RUN_S, over=over) + working.work_quarantined()
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
