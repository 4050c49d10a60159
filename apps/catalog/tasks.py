"""Celery's door to derivations. A message is a nudge; the rows are the queue."""

import logging
import time

from celery import shared_task

from apps.catalog import changesets, clearance, derive, duplicates, plays, sweeper, vocabulary, words
from apps.lib import nudges, spool

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


@shared_task(name="catalog.changesets")
def curate_in_bulk() -> int:
    """Preview, apply and undo the changesets that are due; returns how many."""
    return changesets.work(seconds=SWEEP_S)


def nudge_changesets() -> None:
    """Let a worker look now, not only with the next beat."""
    nudges.send(curate_in_bulk)


@shared_task(name="catalog.count_plays")
def count_plays() -> int:
    """Every minute: count what was played; returns how many plays."""
    started, done = time.monotonic(), 0
    while time.monotonic() - started < SWEEP_S and (counted := plays.count()):
        done += counted
    return done


@shared_task(name="catalog.weigh")
def weigh() -> int:
    """Daily: popularity fades, and plays that were counted long ago go; returns how many tracks changed."""
    plays.forget()
    return plays.weigh_all()


@shared_task(name="catalog.count_terms")
def count_terms() -> int:
    """Every ten minutes: the words in use and how many tracks say each; returns how many words."""
    return vocabulary.count()


@shared_task(name="catalog.learn_words")
def learn_words() -> int:
    """Hourly: the words of the public tracks, for searching; returns how many."""
    return words.learn()


@shared_task(name="catalog.judge")
def judge() -> int:
    """Every minute: verdicts that nobody told of a change; returns how many were put right."""
    return clearance.look_again()


@shared_task(name="catalog.sweep_blobs")
def sweep_blobs() -> int:
    """Daily: remove stored files that nobody uses; what is left when the time is over waits for the next day."""
    swept = sweeper.sweep(seconds=BLOBS_S)
    log.info("blobs: %s", swept)
    return swept.removed


@shared_task(name="catalog.find_duplicates")
def find_duplicates() -> int:
    """Hourly: pairs among the tracks that changed; returns how many are new."""
    look = duplicates.find()
    return look.new if look else 0
