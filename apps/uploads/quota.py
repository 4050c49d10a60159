"""What a person may bring in within a UTC day: their tier's bytes and staff's grants, never a byte over (S1-04).

Reserved when an upload begins, given back only when it is refused, in the transaction that refuses it (decision 0051).
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum

from apps.accounts import tiers
from apps.lib import clock, sizes
from apps.lib.errors import Refusal
from apps.uploads.models import QuotaDay, QuotaGrant, Upload

RESERVE = """
INSERT INTO uploads_quotaday AS kept (user_id, day, used_bytes, limit_bytes)
SELECT %(user)s, %(day)s, %(size)s, %(most)s WHERE %(size)s <= %(most)s
ON CONFLICT (user_id, day) DO UPDATE
SET used_bytes = kept.used_bytes + excluded.used_bytes, limit_bytes = excluded.limit_bytes
WHERE kept.used_bytes + excluded.used_bytes <= excluded.limit_bytes
"""


@dataclass(frozen=True)
class Standing:
    """Bytes of this UTC day, and the moment that the next one begins."""

    used: int
    limit: int
    left: int
    resets_at: dt.datetime


def reserve(user, size: int, *, now: dt.datetime | None = None) -> dt.date:
    """Take `size` bytes of the day; returns the day they were taken of. Exactly the limit still fits (S1-04).

    QUOTA_EXCEEDED 413, with `left` and `resets_at`, when they do not fit.
    """
    day = _day(now)
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, {"user": user.pk, "day": day, "size": size, "most": limit_of(user, day)})
        if cursor.rowcount != 1:
            raise exceeded(standing(user, now=now))
    return day


def refund(upload: Upload) -> None:
    """Give back what is reserved for it, once, however often it is asked. In the transaction that refuses it."""
    row = Upload.objects.select_for_update().filter(pk=upload.pk, reserved_bytes__gt=0).first()
    if row is None:
        return
    held = QuotaDay.objects.filter(user=row.user_id, day=row.reserved_on)
    held.update(used_bytes=F("used_bytes") - row.reserved_bytes)
    Upload.objects.filter(pk=row.pk).update(reserved_bytes=0)


def standing(user, *, now: dt.datetime | None = None) -> Standing:
    """What is used of today's limit, and when it begins anew."""
    day = _day(now)
    used = QuotaDay.objects.filter(user=user, day=day).values_list("used_bytes", flat=True).first() or 0
    limit = limit_of(user, day)
    tomorrow = dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min, dt.UTC)
    return Standing(used=used, limit=limit, left=max(0, limit - used), resets_at=tomorrow)


def limit_of(user, day: dt.date) -> int:
    """The tier's bytes, and what staff granted for this day."""
    grants = QuotaGrant.objects.filter(user=user, starts_on__lte=day, ends_on__gte=day)
    extra = grants.aggregate(bytes=Sum("extra_bytes"))["bytes"] or 0
    return settings.UPLOAD_QUOTA[tiers.tier_of(user)] + int(extra)


def exceeded(standing: Standing) -> Refusal:
    message = (
        f"This is more than you may upload today: {sizes.words(standing.left)} of {sizes.words(standing.limit)} "
        "are left. The count begins anew at midnight UTC."
    )
    facts = {"left": standing.left, "limit": standing.limit, "resets_at": standing.resets_at.isoformat()}
    return Refusal("QUOTA_EXCEEDED", message, status=413, **facts)


def _day(now: dt.datetime | None) -> dt.date:
    return (now or clock.now()).astimezone(dt.UTC).date()
