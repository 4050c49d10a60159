"""The archive in numbers: by track (S3-10), how soon and how surely (S3-15), what waits, and what it costs (S3-16).

A track is archived when every asset it has is. What is not archived is a small part of all and has an index of its own.
"""

import datetime as dt
import logging
import math
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.cache import cache
from django.db.models import (
    Aggregate,
    Avg,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Max,
    Min,
    OuterRef,
    Q,
    Sum,
)
from django.db.models.functions import Extract, Greatest
from redis import RedisError

from apps.archive import hosts, manifests, orphans, scrubbing
from apps.archive.models import DUE_STATES, OPEN_STATES, UNSAVED_STATES, ArchiveAsset, ArchiveJob
from apps.catalog.models import Track
from apps.lib import clock

log = logging.getLogger(__name__)
T = TypeVar("T")

URGENT = dt.timedelta(days=2)
DAY, MONTH = dt.timedelta(days=1), dt.timedelta(days=30)
# Numbers of everybody's rows are asked for by pages that are open and by programs, again and again.
KEPT_S, KEPT_LONG_S = 10, 300
SHARE = 50
GB = 1_000_000_000
# S3-16: what one track of each kind weighs on average, so that a plan can be priced before there is a track.
TYPICAL_BYTES = {"audio": 6_000_000, "cover": 400_000, "video": 25_000_000}
# S3-15, beside the numbers they are about.
TARGETS = {"success_rate": 0.95, "failure_rate": 0.01, "mean_seconds": 300, "lost": 0}


class Percentiles(Aggregate):
    """[p50, p95, p99] of a number; None of no rows."""

    function = "percentile_cont"
    template = "%(function)s(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(FloatField())


def cached(name: str, measure: Callable[[], T], seconds: int = KEPT_S) -> T:
    """What `measure` finds, kept for so many seconds for all who ask, and for SHARE times as long as it took.

    So counting never costs more than a small share of a core, however many rows there are. While the cache is away it
    is counted each time: somebody who looks after a house without its cache needs the numbers most.
    """
    try:
        if (found := cache.get(f"archive.{name}")) is None:
            began = time.monotonic()
            found = measure()
            cache.set(f"archive.{name}", found, max(seconds, SHARE * (time.monotonic() - began)))
        return found
    except RedisError as away:
        log.warning("counted without the cache: %s", away)
        return measure()


def statistics(*, now: dt.datetime | None = None) -> dict:
    """Counts of tracks: archived, pending, urgent (expiring within two days), expired, and the percentage archived."""
    now = now or clock.now()
    open_ = Q(state__in=OPEN_STATES)
    unsaved = (
        ArchiveAsset.objects.filter(state__in=UNSAVED_STATES, track__removed_at__isnull=True)
        .values("track")
        .annotate(
            waiting=Count("pk", filter=open_),
            lost=Count("pk", filter=Q(state="lost")),
            first=Min("expires_at", filter=open_),
        )
    )
    numbers = unsaved.aggregate(
        unsaved=Count("track"),
        pending_archive=Count("track", filter=Q(waiting__gt=0)),
        urgent_archive_needed=Count("track", filter=Q(first__gt=now, first__lte=now + URGENT)),
        expired_tracks=Count("track", filter=Q(lost__gt=0) | Q(first__lte=now)),
    )
    known = Exists(ArchiveAsset.objects.filter(track=OuterRef("pk")))
    total = Track.objects.filter(known, removed_at__isnull=True).count()
    archived = total - numbers.pop("unsaved")
    return {
        "total_tracks": total,
        "total_archived": archived,
        **numbers,
        "archive_percentage": round(100 * archived / total, 2) if total else 100.0,
        "last_archived_at": ArchiveAsset.objects.filter(state="archived").aggregate(last=Max("archived_at"))["last"],
    }


def soonness(*, window: dt.timedelta, now: dt.datetime | None = None) -> dict:
    """How soon and how surely files were saved that were decided on within the window; seconds, shares of 1.

    Twice: since the provider had finished them, and since we could first know of them, where that is later.
    """
    now = now or clock.now()
    saved = ArchiveAsset.objects.filter(state="archived", archived_at__gt=now - window, archived_at__lte=now)
    finished, known = F("track__source__generated_at"), Greatest("track__source__generated_at", "created_at")
    found = saved.aggregate(
        archived=Count("pk"),
        in_time=Count("pk", filter=Q(archived_at__lte=F("expires_at"))),
        finished=Percentiles(_seconds(F("archived_at") - finished)),
        known=Percentiles(_seconds(F("archived_at") - known)),
    )
    lost = ArchiveAsset.objects.filter(state="lost", lost_at__gt=now - window, lost_at__lte=now).count()
    decided = found["archived"] + lost
    jobs = ArchiveJob.objects.filter(status="completed", completed_at__gt=now - window, completed_at__lte=now)
    mean = jobs.aggregate(mean=Avg(_seconds(F("completed_at") - F("started_at"))))["mean"]
    return {
        "seconds": window.total_seconds(),
        "archived": found["archived"],
        "lost": lost,
        "success_rate": found["in_time"] / decided if decided else 1.0,
        "failure_rate": lost / decided if decided else 0.0,
        "mean_seconds": mean,
        "since_finished": _named(found["finished"]),
        "since_known": _named(found["known"]),
    }


def _seconds(length) -> Extract:
    return Extract(ExpressionWrapper(length, output_field=DurationField()), "epoch")


def _named(percentiles: list[float] | None) -> dict:
    return dict(zip(("p50", "p95", "p99"), percentiles or (None,) * 3, strict=True))


def queue(*, now: dt.datetime | None = None) -> dict:
    """What waits: rows, those due, since when the oldest is due (seconds), and which expires next."""
    now = now or clock.now()
    open_ = ArchiveAsset.objects.filter(state__in=OPEN_STATES)
    due = Q(state__in=DUE_STATES, next_at__lte=now)
    found = open_.aggregate(waiting=Count("pk"), due=Count("pk", filter=due), oldest=Min("next_at", filter=due))
    soonest = open_.filter(expires_at__gt=now).order_by("expires_at").values("track_id", "kind", "expires_at").first()
    age = (now - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return {"waiting": found["waiting"], "due": found["due"], "age_seconds": age, "next_to_expire": soonest}


def storage(*, now: dt.datetime | None = None) -> dict:
    """Bytes of the archive by kind, what came within a month, and what that costs (S3-16)."""
    now = now or clock.now()
    recent = Q(archived_at__gt=now - MONTH)
    rows = ArchiveAsset.objects.filter(state="archived").order_by().values("kind")
    sums = rows.annotate(files=Count("pk"), bytes=Sum("blob__size"), month=Sum("blob__size", filter=recent))
    kinds = {row["kind"]: {"files": row["files"], "bytes": int(row["bytes"]), "month": int(row["month"] or 0)}
             for row in sums}  # fmt: skip
    total, month = (sum(each[name] for each in kinds.values()) for name in ("bytes", "month"))
    year = total + 12 * month
    return {
        "by_kind": kinds,
        "bytes": total,
        "growth_month_bytes": month,
        "price_gb_month": str(settings.STORAGE_PRICE_GB_MONTH),
        "cost_month": str(cost(total)),
        "bytes_in_a_year": year,
        "cost_month_in_a_year": str(cost(year)),
        "example_1000_tracks": example(1000),
    }


def cost(stored: int) -> Decimal:
    """What so many bytes cost a month, in the price's currency; a GB that is begun counts whole, as stores bill it."""
    return (math.ceil(stored / GB) * settings.STORAGE_PRICE_GB_MONTH).quantize(Decimal("0.01"))


def example(tracks: int) -> dict:
    """S3-16: so many tracks a month of typical weight."""
    stored = tracks * sum(TYPICAL_BYTES.values())
    return {"tracks": tracks, "gb": math.ceil(stored / GB), "cost_month": str(cost(stored))}


def fixity(*, now: dt.datetime | None = None) -> dict:
    """How well stored bytes are looked after, with what lay in the stores unnamed when they were listed last."""
    found = scrubbing.standing(now=now)
    unread = found["bytes_total"] - found["bytes_checked"]
    seen = {place: {name: one[name] for name in ("orphans", "half_written", "removed")}
            for place, one in orphans.last().items()}  # fmt: skip
    return {**found, "bytes_unchecked": unread, "orphans": seen}


def ledger(*, now: dt.datetime | None = None) -> dict:
    """The last closed day, its head, and how many days are over and not closed."""
    newest = manifests.head() or {"day": None, "sha256": ""}
    return {"last_closed": newest["day"], "head": newest["sha256"], "unclosed_days": manifests.unclosed(now=now)[0]}


def everything(*, days: int = 30, now: dt.datetime | None = None) -> dict:
    """All of it, for the report, the page and programs: the names of S3-10 first."""
    now = now or clock.now()
    return {
        **statistics(now=now),
        "last_day": soonness(window=DAY, now=now),
        "last_days": {"days": days, **soonness(window=dt.timedelta(days=days), now=now)},
        "queue": queue(now=now),
        "storage": storage(now=now),
        "hosts": hosts.summed(now=now),
        "fixity": fixity(now=now),
        "ledger": ledger(now=now),
        "targets": TARGETS,
    }


def lately() -> dict:
    """`everything`, some seconds old at most; what reads months of rows some minutes."""
    return {
        **cached("statistics", statistics),
        "last_day": cached("last_day", lambda: soonness(window=DAY), 60),
        "last_days": {"days": 30, **cached("last_days", lambda: soonness(window=MONTH), KEPT_LONG_S)},
        "queue": cached("queue", queue),
        "storage": cached("storage", storage, KEPT_LONG_S),
        "hosts": cached("hosts", hosts.summed),
        "fixity": cached("fixity", fixity, KEPT_LONG_S),
        "ledger": cached("ledger", ledger),
        "targets": TARGETS,
    }
