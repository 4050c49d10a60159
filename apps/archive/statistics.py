"""The archive in numbers (S3-10), by track: a track is archived when every asset it has is."""

import datetime as dt

from django.db.models import Count, Max, Min, Q

from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.lib import clock

URGENT = dt.timedelta(days=2)


def statistics(*, now: dt.datetime | None = None) -> dict:
    """Counts of tracks: archived, pending, urgent (expiring within two days), expired, and the percentage archived."""
    now = now or clock.now()
    open_ = Q(state__in=OPEN_STATES)
    tracks = (
        ArchiveAsset.objects.filter(track__removed_at__isnull=True)
        .values("track")
        .annotate(
            waiting=Count("pk", filter=open_),
            lost=Count("pk", filter=Q(state="lost")),
            first=Min("expires_at", filter=open_),
            last=Max("archived_at"),
        )
    )
    numbers = tracks.aggregate(
        total_tracks=Count("track"),
        total_archived=Count("track", filter=Q(waiting=0, lost=0)),
        pending_archive=Count("track", filter=Q(waiting__gt=0)),
        urgent_archive_needed=Count("track", filter=Q(first__gt=now, first__lte=now + URGENT)),
        expired_tracks=Count("track", filter=Q(lost__gt=0) | Q(first__lte=now)),
        last_archived_at=Max("last"),
    )
    total = numbers["total_tracks"]
    numbers["archive_percentage"] = round(100 * numbers["total_archived"] / total, 2) if total else 100.0
    return numbers
