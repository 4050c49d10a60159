"""Playlists on the pages of tracks and people."""

from uuid import UUID

from apps.playlists.models import Playlist
from apps.playlists.templatetags import playlist_words


def test_a_playlist_without_a_cover_has_always_the_same_art():
    playlist = Playlist(pk=UUID(int=12 * 3 + 5))
    assert playlist_words.art(playlist) == "hue-5 shape-3"
