"""What is done with playlists and their entries (S0-09, S0-10, S0-26, S4-14)."""

import random
import uuid
from functools import partial

import pytest

from apps.catalog import actions as catalog
from apps.catalog.models import Track
from apps.lib.errors import NotFound, Refusal
from apps.playlists import actions, members
from apps.playlists.models import Cover, Entry, Member, Playlist
from tests.lib.threads import side_by_side
from tests.make import make_playlist, make_track, make_user

pytestmark = pytest.mark.django_db


def refusal(call) -> tuple[str, int, str]:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.code, refused.value.status, refused.value.message


def order(playlist) -> list:
    return list(Entry.objects.filter(playlist=playlist).order_by("position").values_list("track", flat=True))


def version(playlist) -> int:
    return Playlist.objects.values_list("version", flat=True).get(pk=playlist.pk)


def test_a_new_playlist_is_private_and_nobodys_but_its_owners(ana):
    """C-11."""
    made = Playlist.objects.get(pk=actions.create(owner=ana, name="  Late   night ").pk)
    assert (made.name, made.is_public, made.is_collaborative, made.version) == ("Late night", False, False, 1)


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_a_name_has_1_to_255_characters(ana, name):
    assert refusal(lambda: actions.create(owner=ana, name=name))[:2] == ("INVALID", 400)
    playlist = make_playlist(ana)
    assert refusal(lambda: actions.edit(playlist=playlist, name=name))[:2] == ("INVALID", 400)
    assert actions.edit(playlist=playlist, name="x" * 255).name == "x" * 255


def test_an_edit_changes_what_it_names_and_no_version(ana):
    playlist = make_playlist(ana, make_track(ana))
    stale = Playlist.objects.get(pk=playlist.pk)
    actions.add(playlist=playlist, track_id=make_track(ana).pk, by=ana)
    actions.edit(playlist=stale, description="Slow ones", is_public=True)
    now = Playlist.objects.get(pk=playlist.pk)
    assert (now.name, now.description, now.is_public, now.version) == ("Evening", "Slow ones", True, 3)
    assert refusal(lambda: actions.edit(playlist=now, description="x" * 5001))[:2] == ("INVALID", 400)


def test_a_deleted_playlist_takes_all_that_is_its_own_and_no_track(ana, bob):
    playlist = make_playlist(ana, make_track(ana))
    members.put(playlist=playlist, username="bob", role="viewer")
    Cover.objects.create(playlist=playlist, image=b"x", sha256="0" * 64)
    actions.delete(playlist=playlist)
    assert [model.objects.count() for model in (Playlist, Entry, Member, Cover, Track)] == [0, 0, 0, 0, 1]
    with pytest.raises(NotFound):
        actions.delete(playlist=playlist)
    with pytest.raises(NotFound):
        actions.edit(playlist=playlist, name="Gone")


def test_the_first_track_stands_at_0_and_the_next_behind_the_last(ana):
    """S0-26."""
    one, two, first, middle = (make_track(ana) for _ in range(4))
    playlist = make_playlist(ana, one, two)
    assert order(playlist) == [one.pk, two.pk]
    actions.add(playlist=playlist, track_id=first.pk, by=ana, position=0)
    actions.add(playlist=playlist, track_id=middle.pk, by=ana, position=2)
    assert order(playlist) == [first.pk, one.pk, middle.pk, two.pk]
    assert set(Entry.objects.values_list("added_by", flat=True)) == {ana.pk}


def test_what_cannot_be_added_is_refused_in_the_words_of_the_seed(ana, bob):
    """S0-26."""
    playlist, there = make_playlist(ana), make_track(ana)
    private, gone = make_track(bob, is_public=False), make_track(ana)
    catalog.remove(track=gone, by=ana)
    actions.add(playlist=playlist, track_id=there.pk, by=ana)
    said = {
        there.pk: ("TRACK_ALREADY_IN_PLAYLIST", 409, "Track already in playlist"),
        private.pk: ("TRACK_FORBIDDEN", 403, "You do not have access to this track"),
        gone.pk: ("TRACK_NOT_FOUND", 404, "Track not found"),
        uuid.uuid4(): ("TRACK_NOT_FOUND", 404, "Track not found"),
    }
    for track, words in said.items():
        assert refusal(lambda pk=track: actions.add(playlist=playlist, track_id=pk, by=ana)) == words
    new = make_track(ana).pk
    for position in (-1, 2, 10**9):
        call = lambda at=position: actions.add(playlist=playlist, track_id=new, by=ana, position=at)  # noqa: E731
        assert refusal(call) == ("INVALID_POSITION", 400, "Failed to calculate track position")
    assert (order(playlist), version(playlist)) == ([there.pk], 2)


def test_one_track_is_in_many_playlists(ana, bob):
    """S0-02."""
    track = make_track(ana)
    assert [order(make_playlist(user, track)) for user in (ana, ana, bob)] == [[track.pk]] * 3


def test_a_full_playlist_takes_no_more(ana, settings):
    settings.PLAYLIST_MAX_ENTRIES = 2
    playlist = make_playlist(ana, make_track(ana), make_track(ana))
    new = make_track(ana).pk
    assert refusal(lambda: actions.add(playlist=playlist, track_id=new, by=ana))[:2] == ("PLAYLIST_FULL", 409)
    actions.remove(entry=Entry.objects.first())
    assert actions.add(playlist=playlist, track_id=new, by=ana)


def test_every_change_of_entries_raises_the_version_by_one(ana):
    playlist = make_playlist(ana)
    seen = [version(playlist)]
    entries = []
    for _ in range(3):
        entries.append(actions.add(playlist=playlist, track_id=make_track(ana).pk, by=ana))
        seen.append(version(playlist))
    actions.move(entry=entries[0], position=2)
    seen.append(version(playlist))
    actions.remove(entry=entries[1])
    seen.append(version(playlist))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_move_to_where_it_stands_changes_nothing(ana):
    playlist = make_playlist(ana, make_track(ana), make_track(ana))
    actions.move(entry=Entry.objects.order_by("position")[1], position=1)
    assert version(playlist) == 3


def test_what_somebody_took_out_meanwhile_is_not_found(ana):
    playlist = make_playlist(ana, make_track(ana), make_track(ana))
    entry = Entry.objects.first()
    actions.remove(entry=Entry.objects.get(pk=entry.pk))
    for late in (lambda: actions.remove(entry=entry), lambda: actions.move(entry=entry, position=0)):
        with pytest.raises(NotFound):
            late()
    assert version(playlist) == 4


@pytest.mark.django_db(transaction=True)
def test_thirty_writers_at_once_lose_nothing():
    """Adding, moving and taking out in one playlist: every place once, every change counted, no deadlock."""
    ana = make_user("ana")
    tracks = [make_track(ana, title=f"{n}") for n in range(40)]
    playlist = make_playlist(ana, *tracks[:20])
    entries = list(Entry.objects.order_by("position"))
    going, moving, coming = entries[:10], entries[10:], tracks[20:30]

    def write(number: int):
        draw = random.Random(number)
        if number < 10:
            return actions.remove(entry=going[number])
        if number < 20:
            entry = actions.move(entry=moving[number - 10], position=draw.randrange(0, 10))
            return actions.move(entry=entry, position=draw.randrange(0, 10))
        at = draw.choice([None, 0, 5])
        return actions.add(playlist=playlist, track_id=coming[number - 20].pk, by=ana, position=at)

    done = side_by_side(*(partial(write, n) for n in range(30)))
    assert [each for each in done if isinstance(each, Exception)] == []
    assert set(order(playlist)) == {entry.track_id for entry in moving} | {track.pk for track in coming}
    keys = list(Entry.objects.values_list("position", flat=True))
    assert len(set(keys)) == len(keys) == 20
    assert 21 + 20 <= version(playlist) <= 21 + 40


@pytest.mark.django_db(transaction=True)
def test_thirty_who_add_one_track_add_it_once():
    ana = make_user("ana")
    track, playlist = make_track(ana), make_playlist(ana)
    done = side_by_side(*[partial(actions.add, playlist=playlist, track_id=track.pk, by=ana)] * 30)
    assert sorted(getattr(each, "code", "added") for each in done) == ["TRACK_ALREADY_IN_PLAYLIST"] * 29 + ["added"]
    assert (len(order(playlist)), version(playlist)) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_no_entry_of_a_track_outlives_its_removal():
    """Who adds it at that moment comes before and goes with it, or finds it gone."""
    ana = make_user("ana")
    track, playlists = make_track(ana), [make_playlist(ana, name=f"{n}") for n in range(12)]

    def write(number: int):
        if number == 6:
            return catalog.remove(track=Track.objects.get(pk=track.pk), by=ana)
        return actions.add(playlist=playlists[number], track_id=track.pk, by=ana)

    done = side_by_side(*(partial(write, n) for n in range(12)))
    assert {getattr(each, "code", "") for each in done} <= {"", "TRACK_NOT_FOUND"}
    assert not any(isinstance(each, Exception) and not isinstance(each, Refusal) for each in done)
    assert not Entry.objects.exists()


@pytest.mark.parametrize("name", ["\u200b", "\u3164 \u2060", "\ufeff"])
def test_a_name_that_nobody_sees_is_none(ana, name):
    with pytest.raises(Refusal, match="1 to 255"):
        actions.create(owner=ana, name=name)
