"""What is at risk and what is lost, with what staff can do about it."""

import datetime as dt

from django.db.models import F, Q, QuerySet

from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.archive.statistics import URGENT
from apps.lib import clock

RETRY = "Ask the provider for a fresh address, or retry."
BY_HAND = "Ask the owner for the file and hand it in."
TO_DO = {
    "GONE": BY_HAND,
    "URL_REFUSED": "Its host is not among the provider’s: correct the provider, then retry.",
    "RATE_LIMITED": "Wait; the provider asked for patience.",
    "DISK_FULL": "Make room on our disk; it goes on by itself.",
    "STORAGE_FAILED": "Look after the store; it goes on by itself.",
    "IO_ERROR": "Look after our disk; it goes on by itself.",
    "WRONG_DURATION": "Listen to it at the provider; hand it in if it is right.",
    "CRASHED": "It kills its worker: hand it in from another source.",
}


def at_risk(*, now: dt.datetime | None = None) -> QuerySet[ArchiveAsset]:
    """What may be lost: said to be gone, quarantined, past its expiry; or it expires within two days and fails, or has
    waited for more than half of its life. The next to expire first."""
    now = now or clock.now()
    rows = ArchiveAsset.objects.filter(state__in=OPEN_STATES, track__removed_at__isnull=True)
    trouble = Q(attempts__gt=0) | Q(crashes__gt=0) | Q(created_at__lt=now - (F("expires_at") - now))
    risky = Q(state__in=["gone_suspect", "quarantined"]) | Q(expires_at__lte=now + URGENT) & trouble
    return rows.filter(risky).order_by("expires_at", "pk")


def lost() -> QuerySet[ArchiveAsset]:
    """What is gone, the latest first."""
    return ArchiveAsset.objects.filter(state="lost", track__removed_at__isnull=True).order_by("-lost_at", "-pk")


def to_do(asset: ArchiveAsset) -> str:
    """What staff can do about it."""
    return TO_DO.get(asset.error_code, BY_HAND if asset.state == "lost" else RETRY)
