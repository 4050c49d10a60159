"""Rows as a queue: claimed under a lease with a fencing token, settled only by whoever still holds the token.

A claim takes due rows with SKIP LOCKED and raises their token; a worker that lost its lease can no longer settle,
because its token is old. The lease is short and kept alive while its worker lives, so a killed worker's rows are due
again within a minute. Losing a worker costs one lease, losing the broker costs one sweep, neither costs work.
"""

import datetime as dt
import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from django.conf import settings
from django.db import Error, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

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

# Row locks and row numbers do not go together in one SELECT.
CLAIM = """
    WITH mine AS MATERIALIZED (SELECT key, row_number() OVER () AS place FROM ({found}) AS found (key))
    UPDATE {table} AS claimed
    SET crashes = crashes + ({state} = %s)::int, {state} = %s, token = token + 1, lease_until = %s, next_at = NULL,
        updated_at = %s
    FROM mine WHERE claimed.{key} = mine.key
    RETURNING claimed.*, mine.place AS place_in_claim
"""


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
    """Claim up to `limit` due rows in the queryset's order. A row whose lease ran out counts one crash.

    One statement finds, locks and changes them all: a thousand rows cost one journey to the database.
    """
    now = now or clock.now()
    with transaction.atomic():
        found = rows.filter(due(machine, now)).select_for_update(skip_locked=True, of=("self",))
        sql, values = found.values("pk")[:limit].query.sql_with_params()
        names = {"key": rows.model._meta.pk.column, "state": machine.field, "table": rows.model._meta.db_table}
        statement = CLAIM.format(found=sql, **{word: connection.ops.quote_name(name) for word, name in names.items()})
        values = [*values, RUNNING, RUNNING, now + settings.LEASE, timezone.now()]
        return sorted(rows.model._base_manager.raw(statement, values), key=lambda row: row.place_in_claim)


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
    hold = _keeper.take(row)
    try:
        yield
    finally:
        _keeper.give_back(hold)


@dataclass(frozen=True, eq=False)
class _Hold:
    row: Leased
    since: float  # by the monotonic clock


class _Keeper:
    """One thread for all leases of this process, one UPDATE for all rows of a table; there while one is held."""

    def __init__(self):
        self.holds: set[_Hold] = set()
        self._lock = threading.Lock()
        self._over, self._thread = None, None

    def take(self, row: Leased) -> _Hold:
        hold = _Hold(row, time.monotonic())
        with self._lock:
            self.holds.add(hold)
            if self._thread is None or not self._thread.is_alive():
                self._over = threading.Event()
                self._thread = threading.Thread(target=self.keep, args=(self._over,), daemon=True, name="leases")
                self._thread.start()
        return hold

    def give_back(self, hold: _Hold) -> None:
        with self._lock:
            self.holds.discard(hold)
            if self.holds or self._thread is None:
                return
            # Whoever holds the next lease has a thread of its own; this one only goes home.
            thread, self._thread = self._thread, None
            self._over.set()
        thread.join()

    def keep(self, over: threading.Event) -> None:
        while not over.wait(settings.LEASE.total_seconds() / 3):
            try:
                self._renew()
            except Error as failure:
                log.warning("leases not renewed: %s", failure)
                connection.close()  # the next beat connects anew
        connection.close()

    def _renew(self) -> None:
        with self._lock:
            oldest = time.monotonic() - LONGEST_HOLD.total_seconds()
            rows = [hold.row for hold in self.holds if hold.since > oldest]
        for model, mine in groupby(sorted(rows, key=_table), key=type):
            mine = reduce(or_, (Q(pk=row.pk, token=row.token) for row in mine))
            running = model._base_manager.filter(mine, **{model.machine.field: RUNNING})
            with transaction.atomic():
                # A row that is being settled is locked, and needs no lease: the others must not wait for it.
                free = running.select_for_update(skip_locked=True).values_list("pk", flat=True)
                model._base_manager.filter(pk__in=free).update(lease_until=clock.now() + settings.LEASE)


def _table(row: Leased) -> str:
    return row._meta.db_table


_keeper = _Keeper()


def jitter() -> float:
    """A factor of ±10 %, so that rows which failed together do not come back together."""
    return random.uniform(0.9, 1.1)
