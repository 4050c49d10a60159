"""Pictures of playlists: re-encoded by us, and seen by who sees the playlist (S4-14)."""

from typing import BinaryIO

from django.db import transaction

from apps.lib import picture
from apps.lib.errors import NotFound
from apps.playlists import positions
from apps.playlists.models import Cover, Playlist


def put(*, playlist: Playlist, content: BinaryIO) -> Cover:
    """The middle of a picture becomes the playlist's cover; a former one is gone. Refusals as `picture.kept`."""
    facts = picture.kept(content)  # takes a while: nothing is held meanwhile
    with transaction.atomic():
        held = positions.hold(playlist.pk)
        return Cover.objects.update_or_create(playlist=held, defaults=facts)[0]


def drop(*, playlist: Playlist) -> None:
    """No cover any more; saying it twice is harmless."""
    Cover.objects.filter(playlist=playlist).delete()


def get(playlist: Playlist) -> Cover:
    """The cover of a playlist that somebody was let through to; NotFound without one."""
    found = Cover.objects.filter(playlist=playlist).first()
    if found is None:
        raise NotFound
    return found
