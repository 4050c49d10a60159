"""Where an entry stands. `Entry.position` sorts and has gaps, so that a move writes one row; readers count from 0.

Whoever changes entries holds their playlist first, so of thirty at once each sees what the one before left. Locks are
taken in one order everywhere: people, tracks, playlists by id, entries.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.lib.errors import NotFound, Refusal
from apps.playlists.models import Entry, Playlist

GAP = 1024
CLOSEST = 8
# Beyond it there is no room before or behind the ends of an integer.
FURTHEST = 2**30
SPREAD = """UPDATE playlists_entry AS entry SET position = new.position
FROM unnest(%s::uuid[], %s::integer[]) AS new (id, position) WHERE entry.id = new.id"""


def stay(person) -> None:
    """Let nobody leave the house who is about to stand in a row of a playlist that is then locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM accounts_user WHERE id = %s FOR KEY SHARE", [person.pk])


def hold(playlist_id: UUID, seen: Collection[int] | None = None) -> Playlist:
    """The playlist, locked until the transaction ends. `seen`: the versions that who asks is content with.

    Refusals: NOT_FOUND 404, PLAYLIST_CHANGED 412.
    """
    held = Playlist.objects.select_for_update(no_key=True).filter(pk=playlist_id).first()
    if held is None:
        raise NotFound
    if seen is not None and held.version not in seen:
        message = "The playlist was changed since you loaded it. Load it again, then repeat what you wanted."
        raise Refusal("PLAYLIST_CHANGED", message, status=412)
    return held


def hold_all(playlists: QuerySet | Iterable[UUID]) -> list[UUID]:
    """Lock those that are there, in the order of their ids."""
    rows = Playlist.objects.filter(pk__in=playlists).order_by("pk")
    return list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def changed(*playlists: UUID) -> None:
    """Whoever looked before has seen another version."""
    Playlist.objects.filter(pk__in=playlists).update(version=F("version") + 1, updated_at=timezone.now())


def checked(position: int, *, most: int) -> int:
    """Refusal: INVALID_POSITION 400 for what is not from 0 to `most` (S0-26)."""
    if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position <= most:
        raise refused(most)
    return position


def refused(most: int | None = None) -> Refusal:
    allowed = "A whole number from 0 on." if most is None else f"A whole number from 0 to {most}."
    return Refusal("INVALID_POSITION", "Failed to calculate track position", fields={"position": [allowed]})


def place(entries: QuerySet[Entry], index: int) -> int:
    """The sort key of an entry that comes to stand at this index among the others of its playlist, which is held."""
    keys = entries.order_by("position").values_list("position", flat=True)
    around = list(keys[max(0, index - 1) : index + 1])
    before, after = (around.pop(0) if index else None), (around[0] if around else None)
    key = _between(before, after)
    if key is None:
        _spread(entries, index)
        return place(entries, index)
    return key


def _between(before: int | None, after: int | None) -> int | None:
    """None when there is no room."""
    if before is None or after is None:
        key = 0 if before == after else before + GAP if after is None else after - GAP
        return key if abs(key) <= FURTHEST else None
    return (before + after) // 2 if after - before > 1 else None


def _spread(entries: QuerySet[Entry], index: int) -> None:
    """Make room at an index: of the entries around it the fewest that find room between those beyond them."""
    rows = list(entries.order_by("position").values_list("pk", "position"))
    width = 4
    while True:
        first, last = max(0, index - width), min(len(rows), index + width)
        keys = _spaced(rows, first, last)
        if keys is not None:
            break
        width *= 2
    with connection.cursor() as cursor:
        cursor.execute(SPREAD, [[pk for pk, _ in rows[first:last]], keys])


def _spaced(rows: list[tuple[UUID, int]], first: int, last: int) -> list[int] | None:
    """New keys for rows[first:last], evenly between their neighbours; None when that leaves too little between them."""
    count = last - first
    low = rows[first - 1][1] if first else None
    high = rows[last][1] if last < len(rows) else None
    if low is None and high is None:
        return [GAP * number for number in range(count)]
    if high is None:
        step = GAP if low <= FURTHEST - GAP * count else 0
    elif low is None:
        step, low = GAP if high >= GAP * count - FURTHEST else 0, high - GAP * (count + 1)
    else:
        step = (high - low) // (count + 1)
    return [low + step * number for number in range(1, count + 1)] if step > CLOSEST else None
