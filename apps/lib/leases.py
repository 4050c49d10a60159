"""Rows as a queue: claimed under a lease with a fencing token, settled only by whoever still holds the token.

A claim takes due rows with SKIP LOCKED and raises their token; a worker that lost its lease can no longer settle,
because its token is old. The lease is short and kept alive while its worker lives, so a killed worker's rows are due
again within a minute. Losing a worker costs one lease, losing the broker costs one sweep, neither costs work.
"""

import datetime as dt
import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection, models, transaction
from django.db.models import F, Q

from apps.lib import clock
from apps.lib.records import Record
from apps.lib.states import Machine

log = logging.getLogger(__name__)

RUNNING = "running"
# A row that took its worker down this often is set apart instead of being claimed again.
MOST_CRASHES = 5
# Our disk or store failed, nothing is wrong with the row: such a try does not count.
OWN_FAULTS = frozenset({"DISK_FULL", "STORAGE_FAILED", "IO_ERROR"})
OWN_FAULT_DELAY = dt.timedelta(minutes=1)
# No single row may be worked on for longer: its thread is stuck, and somebody else should try.
LONGEST_HOLD = dt.timedelta(minutes=25)


class Leased(Record):
    """Abstract queue row. A subclass adds its state column and `machine`, whose arrows include `running`."""

    next_at = models.DateTimeField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    token = models.BigIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    crashes = models.PositiveIntegerField(default=0, editable=False)
    error_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    error_message = models.CharField(max_length=500, blank=True, default="", editable=False)

    machine: Machine

    class Meta:
        abstract = True

    def settle(self, target: str, **facts) -> bool:
        """Leave `running` and give the lease back. False when the lease was lost to another worker meanwhile."""
        held = Q(**{self.machine.field: RUNNING}, token=self.token)
        facts = {"lease_until": None, "error_code": "", "error_message": "", **facts}
        moved = self.machine.move_all(type(self)._base_manager.filter(held, pk=self.pk), target, **facts)
        return moved == 1


def due(machine: Machine, now: dt.datetime) -> Q:
    """Rows that may be claimed: their time has come, or their worker has let the lease run out."""
    waiting = Q(**{f"{machine.field}__in": [s for s in machine.sources(RUNNING) if s != RUNNING]}, next_at__lte=now)
    return waiting | Q(_abandoned(machine, now), crashes__lt=MOST_CRASHES - 1)


def _abandoned(machine: Machine, now: dt.datetime) -> Q:
    return Q(**{machine.field: RUNNING}, lease_until__lt=now)


def claim(rows: models.QuerySet, machine: Machine, *, limit: int, now: dt.datetime | None = None) -> list[Leased]:
    """Claim up to `limit` due rows in the queryset's order. A row whose lease ran out counts one crash."""
    now = now or clock.now()
    with transaction.atomic():
        found = rows.filter(due(machine, now)).select_for_update(skip_locked=True, of=("self",))
        keys = list(found.values_list("pk", flat=True)[:limit])
        mine = rows.model._base_manager.filter(pk__in=keys)
        mine.filter(**{machine.field: RUNNING}).update(crashes=F("crashes") + 1)
        machine.move_all(mine, RUNNING, token=F("token") + 1, lease_until=now + settings.LEASE, next_at=None)
        position = {key: index for index, key in enumerate(keys)}
        return sorted(mine, key=lambda row: position[row.pk])


def poison(rows: models.QuerySet, machine: Machine, *, now: dt.datetime | None = None) -> models.QuerySet:
    """Abandoned rows that crashed too often to be claimed again."""
    return rows.filter(_abandoned(machine, now or clock.now()), crashes__gte=MOST_CRASHES - 1)


def set_apart(rows: models.QuerySet, machine: Machine, target: str, *, now: dt.datetime | None = None, **facts) -> int:
    """Move abandoned rows that crashed too often to `target` instead of claiming them again; returns how many."""
    return machine.move_all(
        poison(rows, machine, now=now), target, crashes=F("crashes") + 1, lease_until=None,
        error_code="CRASHED", error_message="Its worker died repeatedly while working on it.", **facts,
    )  # fmt: skip


@contextmanager
def held(row: Leased) -> Iterator[None]:
    """Keep the row's lease alive while the block runs. A lost lease shows at `settle`, which then answers False."""
    over = threading.Event()
    keeper = threading.Thread(target=_keep_alive, args=(row, over), daemon=True, name=f"lease {row.pk}")
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep_alive(row: Leased, over: threading.Event) -> None:
    mine = type(row)._base_manager.filter(pk=row.pk, token=row.token, **{row.machine.field: RUNNING})
    beat = settings.LEASE.total_seconds() / 3
    for _ in range(int(LONGEST_HOLD.total_seconds() / beat)):
        if over.wait(beat):
            break
        try:
            mine.update(lease_until=clock.now() + settings.LEASE)
        except Error as failure:
            log.warning("lease of %s not renewed: %s", row.pk, failure)
            connection.close()  # the next beat connects anew
    connection.close()


def jitter() -> float:
    """A factor of ±10 %, so that rows which failed together do not come back together."""
    return random.uniform(0.9, 1.1)
