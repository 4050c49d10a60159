"""What can be done with playlists and their entries. A row handed in was fetched through the rule that lets `by` do it.

`seen` are the versions of the playlist that who asks has looked at; None changes what is there.
"""

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.catalog import files
from apps.catalog.models import Track
from apps.lib import seen as seen_values
from apps.lib.errors import Conflict, NotFound, Refusal
from apps.lib.text import is_blank
from apps.playlists import positions
from apps.playlists.models import Entry, Playlist

LONGEST = 5_000
EDITED = ("name", "description", "is_public", "is_collaborative")


def create(*, owner, name: str, **facts) -> Playlist:
    """An empty playlist, private unless it is said to be public (C-11). `facts` as `edit`."""
    return Playlist.objects.create(owner=owner, **_clean({"name": name, **facts}))


def mark(playlist: Playlist) -> str:
    """Stands for what `edit` changes, so that a form can say what it has shown."""
    return seen_values.mark(*_editable(playlist))


def _editable(playlist: Playlist) -> tuple:
    return tuple(getattr(playlist, name) for name in EDITED)


@transaction.atomic
def edit(*, playlist: Playlist, seen: str | None = None, **facts) -> Playlist:
    """Change what is named of name, description, is_public and is_collaborative. Entries and version stay.

    `seen` is the `mark` of what a form has shown. Refusals: INVALID 400, NOT_FOUND 404, CONFLICT 412.
    """
    facts = _clean(facts)
    seen_values.unchanged(seen, *_editable(positions.hold(playlist.pk)))
    for name, value in facts.items():
        setattr(playlist, name, value)
    Playlist.objects.filter(pk=playlist.pk).update(**facts, updated_at=timezone.now())
    return playlist


def _clean(facts: dict) -> dict:
    """Without the space around them. Refusal INVALID: no name, or too long a one."""
    if "name" in facts:
        facts["name"] = " ".join(facts["name"].split())
        if is_blank(facts["name"]) or len(facts["name"]) > 255:
            raise _invalid("name", "A name has 1 to 255 characters.")
    if "description" in facts:
        facts["description"] = facts["description"].strip()
        if len(facts["description"]) > LONGEST:
            raise _invalid("description", f"A description has {LONGEST:,} characters at most.")
    return facts


def _invalid(field: str, message: str) -> Refusal:
    return Refusal("INVALID", message, fields={field: [message]})


@transaction.atomic
def delete(*, playlist: Playlist) -> None:
    """It goes with its entries, members and cover; the tracks stay."""
    positions.hold(playlist.pk).delete()


def add(
    *, playlist: Playlist, track_id: UUID, by, position: int | None = None, seen: Collection[int] | None = None
) -> Entry:
    """Put a track into a playlist, at its end or at a position from 0 on (S0-26).

    Refusals: TRACK_NOT_FOUND 404, TRACK_FORBIDDEN 403, TRACK_ALREADY_IN_PLAYLIST and PLAYLIST_FULL 409,
    INVALID_POSITION 400, and those of `positions.hold`.
    """
    try:
        with transaction.atomic():
            positions.stay(by)
            _await(track_id, by)
            held = positions.hold(playlist.pk, seen)
            standing = Entry.objects.filter(playlist=held)
            count = standing.count()
            if count >= settings.PLAYLIST_MAX_ENTRIES:
                message = f"A playlist has {settings.PLAYLIST_MAX_ENTRIES:,} tracks at most. Begin another one."
                raise Conflict(message, "PLAYLIST_FULL")
            index = count if position is None else positions.checked(position, most=count)
            key = positions.place(standing, index)
            entry = Entry.objects.create(playlist=held, track_id=track_id, position=key, added_by=by)
            positions.changed(held.pk)
            return entry
    except IntegrityError as wall:
        if "entry_track_once" not in str(wall):
            raise
        raise Conflict("Track already in playlist", "TRACK_ALREADY_IN_PLAYLIST") from wall


def _await(track_id: UUID, by) -> None:
    """Hold a track that `by` sees: whoever removes it now waits and takes the new entry along.

    Who names a track that is there and private has its id from somewhere: they are told that it is not theirs, as
    the seed wants it (decision 0045).
    """
    if not files.lock_live(track_id):
        raise NotFound("Track not found", code="TRACK_NOT_FOUND")
    if not Track.objects.visible_to(by).filter(pk=track_id).exists():
        raise Refusal("TRACK_FORBIDDEN", "You do not have access to this track", status=403)


@transaction.atomic
def move(*, entry: Entry, position: int, seen: Collection[int] | None = None) -> Entry:
    """Let an entry stand at a position from 0 on; the others close up. Where it stands already nothing changes.

    Refusals: INVALID_POSITION 400, NOT_FOUND 404 and PLAYLIST_CHANGED 412.
    """
    held = positions.hold(entry.playlist_id, seen)
    entry = _still(entry)
    others = Entry.objects.filter(playlist=held).exclude(pk=entry.pk)
    positions.checked(position, most=others.count())
    if others.filter(position__lt=entry.position).count() != position:
        entry.position = positions.place(others, position)
        entry.save(update_fields=["position"])
        positions.changed(held.pk)
    return entry


@transaction.atomic
def remove(*, entry: Entry, seen: Collection[int] | None = None) -> None:
    """Take an entry out. Refusals: NOT_FOUND 404, PLAYLIST_CHANGED 412."""
    positions.hold(entry.playlist_id, seen)
    _still(entry).delete()
    positions.changed(entry.playlist_id)


def _still(entry: Entry) -> Entry:
    """As it is under the lock; somebody may have taken it out meanwhile."""
    found = Entry.objects.filter(pk=entry.pk, playlist=entry.playlist_id).first()
    if found is None:
        raise NotFound
    return found
