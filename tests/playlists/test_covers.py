"""Pictures of playlists (S4-14)."""

import io

import pytest

from apps.lib.errors import NotFound, Refusal
from apps.playlists import actions, covers
from apps.playlists.models import Cover
from tests.accounts.test_avatars import picture
from tests.make import make_playlist

pytestmark = pytest.mark.django_db


def test_a_cover_is_kept_as_a_small_square_and_replaced(ana):
    playlist = make_playlist(ana)
    first, second = (covers.put(playlist=playlist, content=picture(colour)).sha256 for colour in ("red", "blue"))
    kept = covers.get(playlist)
    assert first != second == kept.sha256 and len(kept.image) <= 200_000 and bytes(kept.image)[8:12] == b"WEBP"
    covers.drop(playlist=playlist)
    covers.drop(playlist=playlist)
    with pytest.raises(NotFound):
        covers.get(playlist)


def test_what_is_no_picture_leaves_what_was_there(ana):
    playlist = make_playlist(ana)
    known = covers.put(playlist=playlist, content=picture()).sha256
    with pytest.raises(Refusal) as refused:
        covers.put(playlist=playlist, content=io.BytesIO(b"<svg/>"))
    assert (refused.value.code, Cover.objects.get().sha256) == ("INVALID_PICTURE", known)


def test_a_playlist_that_went_meanwhile_gets_none(ana):
    playlist = make_playlist(ana)
    actions.delete(playlist=playlist)
    with pytest.raises(NotFound):
        covers.put(playlist=playlist, content=picture())
