"""What old programs say of playlists, on the house as it is now; the move itself: tests/moves."""

import pytest
from django.db import IntegrityError

from apps.playlists import separation
from apps.playlists.models import Entry, Playlist, PlaylistMend
from tests.make import make_track


@pytest.fixture
def playlist(ana):
    return Playlist.objects.create(owner=ana, name="Morning")


def test_what_was_done_may_be_asked_for_again(db):
    separation.repoint()


def test_words_that_fit_are_left_alone(ana):
    playlist = Playlist.objects.create(owner=ana, name=" as typed ", description="d" * 5000)
    playlist.refresh_from_db()
    assert (playlist.name, PlaylistMend.objects.count()) == (" as typed ", 0)


def test_blank_words_are_mended_and_kept(playlist):
    Playlist.objects.filter(pk=playlist.pk).update(name=" \t")
    playlist.refresh_from_db()
    assert playlist.name == f"Playlist - {playlist.created_at:%Y-%m-%d}"
    assert PlaylistMend.objects.get().old == {"name": " \t"}


def test_an_entry_of_nothing_is_refused(playlist, ana):
    Entry.objects.create(playlist=playlist, track=make_track(ana), position=0)
    with pytest.raises(IntegrityError):
        Entry.objects.create(playlist=playlist, track_id=playlist.pk, position=1)
        separation.ddl.asked("SET CONSTRAINTS ALL IMMEDIATE; SELECT 1")
