"""Places and the keys that they are kept as."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.lib.errors import NotFound, Refusal
from apps.playlists import actions, positions
from apps.playlists.models import Entry
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def titles(playlist) -> str:
    return "".join(Entry.objects.filter(playlist=playlist).order_by("position").values_list("track__title", flat=True))


def keys(playlist) -> list[int]:
    return list(Entry.objects.filter(playlist=playlist).order_by("position").values_list("position", flat=True))


@pytest.fixture
def abcde(ana):
    return make_playlist(ana, *(make_track(ana, title=letter) for letter in "abcde"))


def dense(playlist, start: int = 0) -> None:
    """As playlists were kept before: one number after the other."""
    for number, entry in enumerate(Entry.objects.filter(playlist=playlist).order_by("position")):
        Entry.objects.filter(pk=entry.pk).update(position=start + number)


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize(
    ("letter", "to", "then"),
    [("a", 4, "bcdea"), ("e", 0, "eabcd"), ("b", 3, "acdbe"), ("d", 1, "adbce"), ("c", 2, "abcde"), ("a", 1, "bacde")],
)
def test_an_entry_stands_where_it_was_put_and_the_others_keep_their_order(abcde, tight, letter, to, then):
    if tight:
        dense(abcde)
    actions.move(entry=Entry.objects.get(playlist=abcde, track__title=letter), position=to)
    assert titles(abcde) == then


def test_a_move_writes_one_row_where_there_is_a_gap(abcde):
    entry = Entry.objects.get(track__title="d")
    before = dict(Entry.objects.values_list("pk", "position"))
    with CaptureQueriesContext(connection) as made:
        actions.move(entry=entry, position=1)
    after = dict(Entry.objects.values_list("pk", "position"))
    assert {pk for pk in after if after[pk] != before[pk]} == {entry.pk}
    assert len([query for query in made if 'UPDATE "playlists_entry"' in query["sql"]]) == 1


def test_without_a_gap_only_neighbours_are_spread(ana):
    playlist = make_playlist(ana, *(make_track(ana, title=f"{n:02}") for n in range(60)))
    standing = Entry.objects.filter(playlist=playlist).order_by("position")
    close = standing[30].position
    Entry.objects.filter(pk=standing[31].pk).update(position=close + 1)
    before = keys(playlist)
    actions.move(entry=standing[0], position=30)
    changed = sum(one != other for one, other in zip(before[1:], keys(playlist), strict=False))
    assert 0 < changed < 59
    assert titles(playlist) == "".join(f"{n:02}" for n in [*range(1, 31), 0, *range(31, 60)])


def test_a_place_can_be_halved_for_ever(abcde):
    last = Entry.objects.get(track__title="e")
    for turn in range(60):
        entry = Entry.objects.get(track__title="abcd"[turn % 4])
        actions.move(entry=entry, position=1)
    assert titles(abcde)[-1] == "e" and len(set(keys(abcde))) == 5
    assert actions.move(entry=last, position=0) and titles(abcde)[0] == "e"


@pytest.mark.parametrize("end", [positions.FURTHEST, -positions.FURTHEST])
def test_at_the_end_of_numbers_all_are_spread_anew(ana, abcde, end):
    dense(abcde, start=end - 2)
    actions.add(playlist=abcde, track_id=make_track(ana, title="f").pk, by=ana)
    actions.add(playlist=abcde, track_id=make_track(ana, title="z").pk, by=ana, position=0)
    assert titles(abcde) == "zabcdef"
    assert max(map(abs, keys(abcde))) < positions.FURTHEST + 10 * positions.GAP


def test_any_moves_do_what_a_list_does(ana):
    """Beside a plain list, with and without gaps."""
    draw = random.Random(7)
    order = [chr(ord("a") + n) for n in range(12)]
    playlist = make_playlist(ana, *(make_track(ana, title=letter) for letter in order))
    for turn in range(120):
        if turn % 40 == 0:
            dense(playlist)
        letter, to = draw.choice(order), draw.randrange(12)
        order.remove(letter)
        order.insert(to, letter)
        actions.move(entry=Entry.objects.get(track__title=letter), position=to)
        assert titles(playlist) == "".join(order)


@pytest.mark.parametrize("position", [-1, 10**9, 5, True, "1", None, 1.0])
def test_what_is_no_place_is_refused_and_nothing_moves(abcde, position):
    with pytest.raises(Refusal) as refused:
        actions.move(entry=Entry.objects.get(track__title="a"), position=position)
    assert (refused.value.code, refused.value.status) == ("INVALID_POSITION", 400)
    assert refused.value.message == "Failed to calculate track position"
    assert refused.value.fields == {"position": ["A whole number from 0 to 4."]}
    assert titles(abcde) == "abcde"


def test_who_saw_another_version_changes_nothing(ana, abcde):
    entry = Entry.objects.get(track__title="a")
    seen = {abcde.version}
    actions.move(entry=entry, position=1, seen=seen)
    new = make_track(ana).pk
    for late in (
        lambda: actions.move(entry=entry, position=2, seen=seen),
        lambda: actions.remove(entry=entry, seen=seen),
        lambda: actions.add(playlist=abcde, track_id=new, by=ana, seen=seen),
    ):
        with pytest.raises(Refusal) as refused:
            late()
        assert (refused.value.code, refused.value.status) == ("PLAYLIST_CHANGED", 412)
    assert titles(abcde) == "bacde"


def test_a_playlist_that_is_gone_is_not_found(ana, abcde):
    entry = Entry.objects.get(track__title="a")
    actions.delete(playlist=abcde)
    for late in (lambda: actions.move(entry=entry, position=0), lambda: actions.remove(entry=entry)):
        with pytest.raises(NotFound):
            late()
