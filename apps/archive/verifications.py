"""Looks at the whole ledger that somebody asked for, with how far they are."""

import datetime as dt
import time

from django.db import IntegrityError, transaction

from apps.archive import auditing
from apps.archive.auditing import Audit
from apps.archive.models import Verification
from apps.lib import clock, leases

EVERY_S = 1.0
# A worker gives it back then: the store is asked for every object, and no lease is kept for as long as that may take.
SLICE_S = 600
MOST_PROBLEMS = 100
OPEN = ("due", "running")


def ask(*, now: dt.datetime | None = None) -> Verification:
    """A look that begins as soon as a worker is free, or the one that is under way."""
    while True:
        found = Verification.objects.filter(state__in=OPEN).first()
        if found is not None:
            return found
        try:
            with transaction.atomic():
                return Verification.objects.create(next_at=now or clock.now())
        except IntegrityError:  # somebody asked at the same moment
            continue


def waiting() -> bool:
    return Verification.objects.filter(state__in=OPEN).exists()


def work(*, now: dt.datetime | None = None) -> Verification | None:
    """Look for a while, if it was asked for and nobody is at it; when the worker dies, that while begins anew."""
    rows, machine = Verification.objects.order_by("pk"), Verification.machine
    leases.set_apart(rows.order_by(), machine, "failed", now=now, ended_at=clock.now())
    for row in leases.claim(rows, machine, limit=1, now=now):
        with leases.held(row):
            found = Audit.again(row.result) if row.result else Audit()
            auditing.audit(begins=_Progress(row), found=found, seconds=SLICE_S)
        if found.stage:
            row.settle("due", next_at=clock.now(), crashes=0, result=found.so_far())
            row.refresh_from_db()
            return row
        told = found.told()
        told["more"] += len(told["problems"][MOST_PROBLEMS:])
        told["problems"] = told["problems"][:MOST_PROBLEMS]
        row.settle("whole" if told["good"] else "broken", result=told, ended_at=clock.now())
        row.refresh_from_db()
        return row
    return None


class _Progress:
    """Writes how far a look is into its row, once a second and at each new stage."""

    def __init__(self, row: Verification) -> None:
        self._mine = Verification.objects.filter(pk=row.pk, token=row.token, state="running")
        self._done, self._written = 0, 0.0

    def __call__(self, stage: str, total: int) -> auditing.Told:
        self._done = 0
        self._mine.update(stage=stage, done=0, total=total)
        return self._told

    def _told(self, done: int) -> None:
        self._done += done
        if time.monotonic() - self._written >= EVERY_S:
            self._written = time.monotonic()
            self._mine.update(done=self._done)
