"""Many tracks at once, behind what a playlist has."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from apps.catalog.models import Track
from apps.playlists import positions
from apps.playlists.models import Entry, ImportLine
from apps.playlists.positions import FURTHEST, GAP

Outcome = ImportLine.Outcome
AT_ONCE = 1000


@dataclass(frozen=True)
class Filled:
    """What became of each track, in the order they were given."""

    fates: list[str]

    def outcomes(self, names: Sequence[int]) -> dict[str, list[int]]:
        """The names of the tracks, in the same order, by what became of them."""
        found: dict[str, list[int]] = {}
        for name, fate in zip(names, self.fates, strict=True):
            found.setdefault(fate, []).append(name)
        return found


@transaction.atomic
def append(*, playlist_id: UUID, track_ids: Sequence[UUID], by) -> Filled:
    """Add tracks at the end of a playlist, in this order, each once; its version goes up by one if any was added.

    Fates: `added`, `double` when the playlist has it already or it was said before, `full` beyond
    PLAYLIST_MAX_ENTRIES, `unresolved` for what `by` does not see any more. Locks tracks, then the playlist.
    """
    seen = Track.objects.visible_to(by).live().filter(pk__in=track_ids).order_by("pk")
    live = set(seen.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    held = positions.hold(playlist_id)
    standing = Entry.objects.filter(playlist=held)
    had, room = set(standing.values_list("track", flat=True)), settings.PLAYLIST_MAX_ENTRIES
    fates, new = [], []
    for track in track_ids:
        fate = _fate(track, live, had, room)
        if fate == Outcome.ADDED:
            had.add(track)
            new.append(track)
        fates.append(fate)
    first = _behind(held.pk, len(new))
    Entry.objects.bulk_create(
        (Entry(playlist=held, track_id=track, position=first + GAP * n, added_by=by) for n, track in enumerate(new)),
        batch_size=AT_ONCE,
    )
    if new:
        positions.changed(held.pk)
    return Filled(fates)


def _fate(track: UUID, live: set[UUID], had: set[UUID], room: int) -> str:
    if track not in live:
        return Outcome.UNRESOLVED
    if track in had:
        return Outcome.DOUBLE
    return Outcome.ADDED if len(had) < room else Outcome.FULL


def _behind(playlist_id: UUID, count: int) -> int:
    """The first of so many sort keys behind the last one, after room was made if there is none."""
    keys = Entry.objects.filter(playlist=playlist_id).order_by("position")
    last = keys.values_list("position", flat=True).last()
    if last is None:
        return 0
    if last + GAP * count > FURTHEST:
        rows = list(keys.values_list("pk", flat=True))
        with connection.cursor() as cursor:
            cursor.execute(positions.SPREAD, [rows, [GAP * number for number in range(len(rows))]])
        last = GAP * (len(rows) - 1)
    return last + GAP
