"""A removed track takes its entries along (design §4.5)."""

from django.db.models import QuerySet

from apps.catalog.models import Track
from apps.catalog.releasing import register
from apps.playlists import positions
from apps.playlists.models import Entry


def release(removed: QuerySet[Track]) -> None:
    rows = Entry.objects.filter(track__in=removed.values("pk"))
    held = positions.hold_all(rows.values("playlist"))
    if held:
        rows.delete()
        positions.changed(*held)


register("playlists", release)
