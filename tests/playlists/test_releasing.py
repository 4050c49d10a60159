"""A removed track takes its entries along (design §4.5)."""

import pytest

from apps.accounts import departure
from apps.catalog import actions as catalog
from apps.catalog.models import Track
from apps.playlists.models import Entry, Playlist
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def test_its_entries_go_everywhere_and_versions_rise_where_they_were(ana, bob):
    gone, stays = make_track(ana), make_track(ana)
    both, one, other = make_playlist(ana, gone, stays), make_playlist(bob, gone), make_playlist(bob, stays)
    catalog.remove(track=gone, by=ana)
    assert set(Entry.objects.values_list("track", flat=True)) == {stays.pk}
    versions = {playlist: Playlist.objects.get(pk=playlist.pk).version for playlist in (both, one, other)}
    assert versions == {both: 4, one: 3, other: 2}


def test_many_removed_at_once_cost_one_version_and_no_more_statements(ana, django_assert_max_num_queries):
    tracks = [make_track(ana) for _ in range(30)]
    playlist = make_playlist(ana, *tracks)
    with django_assert_max_num_queries(40):
        catalog.remove_all(tracks=Track.objects.of(ana), by=ana)
    assert not Entry.objects.exists() and Playlist.objects.get(pk=playlist.pk).version == 32


@pytest.mark.parametrize(("choice", "left"), [("remove", 0), ("library", 1)])
def test_who_leaves_takes_entries_along_with_the_tracks_they_remove(ana, bob, choice, left):
    playlist = make_playlist(bob, make_track(ana))
    departure.part(user=ana, tracks=choice)
    assert Entry.objects.filter(playlist=playlist).count() == left
