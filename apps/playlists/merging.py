"""Two tracks become one: entries of the one that goes point to the one that stays, and back again when it is undone.

Where a playlist has both, the entry of the one that goes is dropped and comes back with the undo.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import connection

from apps.catalog.changerows import Row
from apps.catalog.merging import register
from apps.catalog.models import Changeset, ChangesetRow, Track
from apps.lib.errors import Refusal
from apps.playlists import positions
from apps.playlists.models import Entry, Playlist

TABLE = Entry._meta.db_table
# Where an entry that comes back stood, somebody may stand by now: from there on all move by one.
STEP_ASIDE = """UPDATE playlists_entry AS entry SET position = entry.position + 1
FROM playlists_entry AS taken
WHERE taken.playlist_id = %s AND taken.position = %s
    AND entry.playlist_id = taken.playlist_id AND entry.position >= taken.position"""


def mover(loser: Track, winner: Track) -> Iterator[Row]:
    both = set(Entry.objects.filter(track=winner).values_list("playlist", flat=True))
    for entry in Entry.objects.filter(track=loser).order_by("playlist"):
        if entry.playlist_id in both:
            yield Row(loser.pk, TABLE, entry.pk, {}, None)
        else:
            yield Row(loser.pk, TABLE, entry.pk, {"track_id": loser.pk}, {"track_id": winner.pk})


def hold(changeset: Changeset) -> None:
    """Lock the playlists and raise their versions. Refusal: CHANGED_SINCE 409 when there are entries by now that
    nobody previewed.
    """
    lose, rows = UUID(changeset.order["lose"]), changeset.rows.filter(table=TABLE)
    dropped = {UUID(row.old["playlist_id"]): row for row in rows.filter(new__isnull=True, problem="") if row.old}
    standing = Entry.objects.filter(pk__in=rows.values("row_id"))
    held = positions.hold_all({*dropped, *standing.values_list("playlist", flat=True)})
    if changeset.step == "undo":
        for playlist, row in dropped.items():
            _make_way(playlist, row)
    elif Entry.objects.filter(track=lose).exclude(pk__in=rows.values("row_id")).exists():
        message = "The track that goes came into further playlists since. Preview it again."
        raise Refusal("CHANGED_SINCE", message, status=409)
    positions.changed(*held)


def _make_way(playlist: UUID, row: ChangesetRow) -> None:
    """Whose playlist was deleted meanwhile stays away; another is free to come back to its place."""
    if not Playlist.objects.filter(pk=playlist).exists():
        row.problem = "The playlist is not there any more."
        row.save(update_fields=["problem"])
        return
    with connection.cursor() as cursor:
        cursor.execute(STEP_ASIDE, [playlist, row.old["position"]])


register("playlists", mover, first=hold)
