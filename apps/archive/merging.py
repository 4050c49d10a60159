"""A track that the archive still has to fetch is not merged away: nobody would come back for its files."""

from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.catalog.merging import register
from apps.catalog.models import Track
from apps.lib.errors import Conflict


def guard(loser: Track, winner: Track) -> None:
    """ARCHIVE_AT_WORK while a file of the one that goes is to be fetched, or is not planned yet."""
    mine = ArchiveAsset.objects.filter(track=loser)
    unplanned = hasattr(loser, "source") and loser.source.urls() and not mine.exists()
    if unplanned or mine.filter(state__in=OPEN_STATES).exists():
        raise Conflict(
            "The archive still fetches files of the track that would go. Try again later.", "ARCHIVE_AT_WORK"
        )


register("archive", guard=guard)
