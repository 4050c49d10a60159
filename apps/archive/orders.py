"""Archive or retry thousands of assets: asked for once, worked off by a worker in batches, seen as it goes.

Every batch is a transaction of its own and moves the place with its rows: who is killed does one batch again, and to
make an asset due twice is the same as once.
"""

import datetime as dt
import logging
import time
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, transaction
from django.db.models import QuerySet

from apps.accounts.access import may
from apps.archive import schedule
from apps.archive.models import ArchiveAsset, Order
from apps.catalog.models import Track
from apps.lib import clock, leases
from apps.lib.errors import Conflict, Forbidden, Refusal

log = logging.getLogger(__name__)

MOST = 100_000
BATCH = 200
DELAYS = tuple(dt.timedelta(seconds=s) for s in (5, 30, 120))
KEPT = dt.timedelta(days=90)


def ask(*, verb: str, rows: QuerySet[ArchiveAsset], by) -> Order:
    """An order over the assets that are there now, the next to expire first. TOO_MANY beyond MOST; Forbidden."""
    if not may(by, "archive.run"):
        raise Forbidden
    assets = list(rows.order_by("expires_at", "pk").values_list("pk", flat=True)[: MOST + 1])
    if len(assets) > MOST:
        raise Refusal("TOO_MANY", f"More than {MOST:,} files are too many at once: narrow the list by a filter.")
    return Order.objects.create(verb=verb, assets=assets, total=len(assets), asked_by=by, next_at=clock.now())


def stop(order: Order) -> None:
    """Leave the rest as it is. NOTHING_TO_STOP 409 when it is over."""
    facts = {"next_at": None, "lease_until": None}
    if not Order.machine.move_all(Order.objects.filter(pk=order.pk), "stopped", **facts):
        raise Conflict("It is over: there is nothing to stop.", code="NOTHING_TO_STOP")


def work(*, seconds: float) -> int:
    """Work off what is due, for so long at most; returns how many assets were looked at."""
    facts = {"next_at": None}
    leases.set_apart(Order.objects.all(), Order.machine, "stopped", **facts)
    until, looked = time.monotonic() + seconds, 0
    rows = Order.objects.order_by("next_at", "pk")
    while time.monotonic() < until and (claimed := leases.claim(rows, Order.machine, limit=1)):
        looked += run(claimed[0], until=until)
    return looked


def run(order: Order, *, until: float) -> int:
    """Work one claimed order off until the monotonic time; what is left is due again."""
    looked = 0
    try:
        with leases.held(order):
            while order.seen < order.total and time.monotonic() < until:
                if not (moved := _batch(order)):
                    return looked  # stopped, or somebody else has it
                looked += moved
    except OperationalError as failure:
        log.warning("order %s, try %s: %s", order.pk, order.attempts + 1, failure)
        wait = DELAYS[min(order.attempts, len(DELAYS) - 1)] * leases.jitter()
        order.settle("due", next_at=clock.now() + wait, attempts=order.attempts + 1)
        return looked
    over = order.seen >= order.total
    order.settle("done" if over else "due", next_at=None if over else clock.now(), attempts=0)
    return looked


@transaction.atomic
def _batch(order: Order) -> int:
    """The next assets are due; how many were looked at, 0 when the order is not this worker's any more."""
    mine = Order.objects.filter(pk=order.pk, state=leases.RUNNING, token=order.token)
    if not mine.select_for_update().exists():
        return 0
    if not may(order.asked_by or AnonymousUser(), "archive.run"):
        stop(order)
        return 0
    keys = order.assets[order.seen : order.seen + BATCH]
    order.done += _hasten(order, keys)
    order.seen += len(keys)
    mine.update(seen=order.seen, done=order.done)
    return len(keys)


def _hasten(order: Order, keys: list[UUID]) -> int:
    """How many of these assets are due now. Tracks are locked first, as everybody does who settles."""
    rows = ArchiveAsset.objects.filter(pk__in=keys)
    live = Track.objects.filter(pk__in=rows.values("track"), removed_at__isnull=True).select_related("source")
    tracks = list(live.order_by("pk").select_for_update(no_key=True, of=("self",)))
    schedule.plan_tracks([track for track in tracks if hasattr(track, "source")], by=order.asked_by)
    if order.verb == Order.Verb.ARCHIVE:
        rows = ArchiveAsset.objects.filter(track__in=tracks)
    return schedule.hasten(rows.filter(track__in=tracks), now=clock.now())


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop orders that were over long ago; returns how many."""
    over = Order.objects.filter(state__in=["done", "stopped"])
    return over.filter(updated_at__lt=(now or clock.now()) - KEPT).delete()[0]
