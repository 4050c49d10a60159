"""Many tracks at once: behind what is there, each once, as many as there is room for."""

import uuid

import pytest

from apps.lib.errors import NotFound
from apps.playlists import filling
from apps.playlists.models import Entry, Playlist
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def appended(playlist: Playlist, *tracks, by) -> list[str]:
    return filling.append(playlist_id=playlist.pk, track_ids=[track.pk for track in tracks], by=by).fates


def titles(playlist: Playlist) -> list[str]:
    return list(playlist.entries.order_by("position").values_list("track__title", flat=True))


def test_tracks_come_behind_what_is_there_in_their_order(ana):
    one, two, three = (make_track(ana, title=title) for title in ("one", "two", "three"))
    playlist = make_playlist(ana, two)
    assert appended(playlist, three, two, one, three, by=ana) == ["added", "double", "added", "double"]
    assert titles(playlist) == ["two", "three", "one"]
    assert Playlist.objects.get().version == playlist.version + 1


def test_nothing_new_is_no_change(ana):
    track = make_track(ana)
    playlist = make_playlist(ana, track)
    appended(playlist, track, by=ana)
    assert Playlist.objects.get().version == playlist.version


def test_there_is_no_room_beyond_the_most(ana, settings):
    settings.PLAYLIST_MAX_ENTRIES = 2
    tracks = [make_track(ana, title=str(n)) for n in range(4)]
    playlist = make_playlist(ana, tracks[0])
    assert appended(playlist, tracks[1], tracks[0], tracks[2], by=ana) == ["added", "double", "full"]
    assert titles(playlist) == ["0", "1"]


def test_what_one_does_not_see_does_not_come_in(ana, bob):
    secret, open_ = make_track(ana, is_public=False), make_track(ana, title="open")
    playlist = make_playlist(bob)
    assert appended(playlist, secret, open_, by=bob) == ["unresolved", "added"]
    assert titles(playlist) == ["open"]


def test_a_playlist_that_is_gone_takes_nothing(ana):
    with pytest.raises(NotFound):
        filling.append(playlist_id=uuid.uuid4(), track_ids=[make_track(ana).pk], by=ana)
    assert not Entry.objects.exists()


def test_there_is_room_behind_the_last_place_there_can_be(ana):
    one, two, late = (make_track(ana, title=title) for title in ("one", "two", "late"))
    playlist = make_playlist(ana, one, late)
    playlist.entries.filter(track=late).update(position=2**30)
    appended(playlist, two, by=ana)
    assert titles(playlist) == ["one", "late", "two"]


def test_fates_are_told_by_name():
    assert filling.Filled(["added", "double", "added"]).outcomes([7, 8, 9]) == {"added": [7, 9], "double": [8]}
