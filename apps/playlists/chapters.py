"""Playlists in somebody's export; their own go with them, what they added elsewhere stays without their name."""

import io
from collections.abc import Iterator

from django.db.models import Exists, F, JSONField, OuterRef, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from apps.accounts.chapters import Chapter, Parting, StoredFile, columns, register
from apps.accounts.models import User
from apps.catalog.models import ChangesetRow, Track
from apps.playlists import positions
from apps.playlists.models import Cover, Entry, Import, ImportLine, Member, Playlist


def _playlists(user: User) -> Iterator[dict]:
    for playlist in Playlist.objects.of(user).order_by("pk").iterator(500):
        entries = list(Entry.objects.filter(playlist=playlist).order_by("position"))
        seen = Track.objects.visible_to(user).in_bulk([entry.track_id for entry in entries])
        yield {
            **columns(playlist, but=("owner_id",)),
            "members": playlist.members.count(),
            "entries": [_entry(place, entry, seen.get(entry.track_id)) for place, entry in enumerate(entries)],
        }


def _entry(place: int, entry: Entry, track: Track | None) -> dict:
    words = {"track_id": track.pk, "title": track.title, "artist": track.artist} if track else {"track_id": None}
    return {**columns(entry, but=("playlist_id", "added_by_id", "position")), "position": place, **words}


def _covers(user: User) -> Iterator[StoredFile]:
    for cover in Cover.objects.filter(playlist__in=Playlist.objects.of(user).values("pk")).order_by("pk").iterator(50):
        path = f"playlists/{cover.playlist_id}.webp"
        yield StoredFile(path, lambda image=bytes(cover.image): io.BytesIO(image), cover.sha256)


def _joined(user: User) -> Iterator[dict]:
    rows = Member.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id",)) for row in rows.iterator(500))


def _added(user: User) -> Iterator[dict]:
    rows = Entry.objects.filter(added_by=user).exclude(playlist__in=Playlist.objects.of(user).values("pk"))
    return (_shown(row, "added_by_id", "position") for row in _seen(rows, user).order_by("pk").iterator(500))


def _seen(rows: QuerySet, user: User) -> QuerySet:
    """Adds `seen`: whether they see its track."""
    return rows.annotate(seen=Exists(Track.objects.visible_to(user).filter(pk=OuterRef("track"))))


def _shown(row: Entry | ImportLine, *but: str) -> dict:
    """As the API tells it: of a track that they do not see, no id."""
    return {**columns(row, but=but), "track_id": row.track_id if row.seen else None}


def _imports(user: User) -> Iterator[dict]:
    for row in Import.objects.filter(user=user).order_by("pk").iterator(50):
        lines = _seen(row.lines.order_by("number"), user).iterator(500)
        facts = columns(row, but=("user_id", "token", "lease_until"))
        yield {**facts, "lines": [_shown(line, "id", "imported_id") for line in lines]}


def _part(parting: Parting) -> None:
    Import.objects.filter(user=parting.user).delete()
    mine = Playlist.objects.of(parting.user)
    positions.hold_all(mine.values("pk"))
    mine.delete()
    _forget_in_merges(parting.user)


def _forget_in_merges(user: User) -> None:
    """An entry that a merge dropped comes back without the name of who added it."""
    rows = ChangesetRow.objects.filter(table=Entry._meta.db_table, old__added_by_id=str(user.pk))
    unnamed = CombinedExpression(F("old"), "||", Value({"added_by_id": None}, JSONField()), JSONField())
    rows.update(old=Coalesce(unnamed, F("old")))


register(
    Chapter("playlists", "your playlists with what is in them; covers are below playlists/", _playlists, _covers),
    Chapter("playlists_joined", "playlists of others that you were let into", _joined),
    Chapter("playlist_entries", "what you added to playlists of others", _added),
    Chapter("playlist_imports", "playlist files you brought in, line by line", _imports),
    part=_part,
)
