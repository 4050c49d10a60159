"""The archive in numbers (S3-10), by track: a track is archived when every asset it has is."""

import datetime as dt

from django.db.models import Count, Max, Min, Q

from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.lib import clock

URGENT = dt.timedelta(days=2)


def statistics(*, now: dt.datetime | None = None) -> dict:
    """Counts of tracks: archived, pending, urgent (expiring within two days), expired, and the percentage archived."""
    now = now or clock.now()
    tracks = (
        ArchiveAsset.objects.exclude(state="dropped")
        .values("track")
        .annotate(
            waiting=Count("pk", filter=Q(state__in=OPEN_STATES)),
            lost=Count("pk", filter=Q(state="lost")),
            first=Min("expires_at", filter=Q(state__in=OPEN_STATES)),
            last=Max("archived_at"),
        )
    )
    total = tracks.count()
    archived = tracks.filter(waiting=0, lost=0).count()
    expired = tracks.filter(Q(lost__gt=0) | Q(first__lte=now)).count()
    return {
        "total_tracks": total,
        "total_archived": archived,
        "pending_archive": tracks.filter(waiting__gt=0).count(),
        "urgent_archive_needed": tracks.filter(first__gt=now, first__lte=now + URGENT).count(),
        "expired_tracks": expired,
        "archive_percentage": round(100 * archived / total, 2) if total else 100.0,
        "last_archived_at": tracks.aggregate(at=Max("last"))["at"],
    }
