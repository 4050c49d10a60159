"""Playlists and tracks that become one (decision 0038)."""

import pytest

from apps.accounts import departure
from apps.catalog import changesets
from apps.catalog import merging as catalogue
from apps.playlists import actions
from apps.playlists.models import Entry, Playlist
from tests.catalog.test_merging import make_pair, merged, undone, worked
from tests.make import make_playlist, make_track, make_user

pytestmark = pytest.mark.django_db


def kept() -> list[dict]:
    return list(Entry.objects.order_by("pk").values())


def order(playlist) -> list:
    return list(Entry.objects.filter(playlist=playlist).order_by("position").values_list("track", flat=True))


def version(playlist) -> int:
    return Playlist.objects.get(pk=playlist.pk).version


@pytest.fixture
def pair(ana):
    return make_pair(ana)


def test_entries_point_to_the_one_that_stays_once_and_back_again(ana, bob, mod, pair):
    one, both = make_playlist(bob, pair.second), make_playlist(bob, pair.second, make_track(ana), pair.first)
    other, before = make_playlist(bob, make_track(ana)), kept()
    changeset = merged(pair, mod, keep=pair.first_id)
    assert order(one) == [pair.first_id]
    assert order(both)[1:] == [pair.first_id] and len(order(both)) == 2
    assert [version(playlist) for playlist in (one, both, other)] == [3, 5, 2]
    undone(changeset, mod)
    assert kept() == before
    assert [version(playlist) for playlist in (one, both, other)] == [4, 6, 2]


def test_who_stands_where_an_entry_comes_back_steps_aside(ana, bob, mod, pair):
    playlist = make_playlist(bob, pair.first, pair.second)
    changeset = merged(pair, mod, keep=pair.first_id)
    new = [make_track(ana) for _ in range(2)]
    for track in new:
        actions.add(playlist=playlist, track_id=track.pk, by=bob)
    undone(changeset, mod)
    assert order(playlist) == [pair.first_id, pair.second_id, *(track.pk for track in new)]


def test_a_playlist_that_went_meanwhile_hinders_no_undo(bob, mod, pair):
    gone, stays = make_playlist(bob, pair.first, pair.second), make_playlist(bob, pair.second)
    changeset = merged(pair, mod, keep=pair.first_id)
    actions.delete(playlist=gone)
    undone(changeset, mod)
    assert order(stays) == [pair.second_id]


def test_what_nobody_previewed_is_not_merged(ana, bob, mod, pair):
    playlist = make_playlist(bob)
    changeset = merging_asked(pair, mod)
    actions.add(playlist=playlist, track_id=pair.second_id, by=bob)
    changesets.apply(changeset=changeset, by=mod)
    worked(changeset)
    assert (changeset.state, changeset.error_code) == ("previewed", "CHANGED_SINCE")
    changesets.preview_again(changeset=changeset, by=mod)
    worked(changeset)
    changesets.apply(changeset=changeset, by=mod)
    worked(changeset)
    assert (changeset.state, order(playlist)) == ("applied", [pair.first_id])


def merging_asked(pair, by):
    changeset = catalogue.ask(pair=pair, keep=pair.first_id, facts=(), by=by)
    worked(changeset)
    return changeset


def test_who_left_is_named_by_no_entry_that_comes_back(bob, mod, pair):
    cleo = make_user("cleo")
    playlist = make_playlist(bob, pair.first)
    actions.add(playlist=playlist, track_id=pair.second_id, by=cleo)
    changeset = merged(pair, mod, keep=pair.first_id)
    departure.part(user=cleo, tracks="remove")
    undone(changeset, mod)
    assert Entry.objects.get(track=pair.second).added_by is None
