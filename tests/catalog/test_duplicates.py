"""Which pairs are found, and what becomes of them (decision 0038, C-18)."""

import pytest
from django.core.cache import cache
from django.db import connection

from apps.catalog import actions, duplicates, files
from apps.catalog.models import Duplicate, Track
from apps.lib.errors import Conflict
from tests.doors.desk import make_blob
from tests.make import make_track

pytestmark = pytest.mark.django_db

LENGTH = {"duration_ms": 180_000}


def titles(**about) -> set[frozenset]:
    """The open pairs that a look leaves, each as its two titles."""
    duplicates.find(**about)
    rows = Duplicate.objects.filter(state="open").select_related("first", "second")
    return {frozenset((row.first.title, row.second.title)) for row in rows}


def pair() -> Duplicate:
    return Duplicate.objects.get()


def with_bytes(track: Track, blob) -> Track:
    files.attach(track=track, role="original", blob=blob)
    return track


def test_the_same_original_makes_a_pair_whatever_the_titles(ana):
    blob = make_blob()
    older, newer = (with_bytes(make_track(ana, title=title), blob) for title in ("Dawn", "Something else"))
    assert titles() == {frozenset(("Dawn", "Something else"))}
    assert (pair().first, pair().second, pair().reasons, pair().likeness) == (older, newer, ["bytes"], 1)


def test_the_same_isrc_is_a_hint_however_it_is_written(ana):
    """C-18: an ISRC is not unique, so a pair is shown and nothing is refused."""
    make_track(ana, title="Dawn", isrc="US-ABC-24-00001")
    make_track(ana, title="Something else", isrc="usabc2400001")
    make_track(ana, title="Third", isrc="")
    make_track(ana, title="Fourth", isrc="")
    assert titles() == {frozenset(("Dawn", "Something else"))}
    assert pair().reasons == ["isrc"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Night Train", "night train"),
        ("Café del Mar", "Cafe Del Mar"),
        ("Night Train", "Night Train (Remastered 2011)"),
        ("Night Train", "Night Train - 2011 Remaster"),
        ("Night Train", "Night Train [album version]"),
        ("Night Train", "Night Trains"),
        ("Night Train", "Train, Night"),
        ("(Intro)", "Intro"),
    ],
)
def test_near_titles_of_one_length_make_a_pair(ana, one, other):
    make_track(ana, title=one, **LENGTH)
    make_track(ana, title=other, duration_ms=181_900)
    assert titles() == {frozenset((one, other))}
    assert pair().reasons == ["near"] and pair().likeness < 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"title": "Night Train", **LENGTH}, {"title": "Morning Bus", **LENGTH}),
        ({"title": "Night Train", **LENGTH}, {"title": "Night Train", "duration_ms": 184_000}),
        ({"title": "Night Train", **LENGTH}, {"title": "Night Train"}),
        ({"title": "Intro", "artist": "The Owls", **LENGTH}, {"title": "Intro", "artist": "Zephyr", **LENGTH}),
    ],
)
def test_other_titles_lengths_or_artists_make_none(ana, one, other):
    make_track(ana, **one)
    make_track(ana, **other)
    assert titles() == set()


def test_of_long_tracks_two_percent_may_differ(ana):
    make_track(ana, title="Long Mix", duration_ms=3_600_000)
    make_track(ana, title="Long mix", duration_ms=3_660_000)
    assert len(titles()) == 1


def test_two_people_may_each_keep_the_same_song(ana, bob):
    blob = make_blob()
    for owner in (ana, bob):
        with_bytes(make_track(owner, isrc="USABC2400001", **LENGTH), blob)
    assert titles() == set()


def test_the_houses_own_library_is_looked_through_too():
    for title in ("Night Train", "Night Train!"):
        Track.machine.move(actions.create(owner=None, kind="library", title=title, by=None, **LENGTH), "ready")
    assert len(titles()) == 1


def test_removed_unfinished_and_gallery_tracks_make_no_pair(ana):
    make_track(ana, **LENGTH)
    make_track(ana, kind="gallery", **LENGTH)
    actions.create(owner=ana, kind="uploaded", title="Night Train", **LENGTH)
    actions.remove(track=make_track(ana, **LENGTH), by=ana)
    assert titles() == set()


def test_an_open_pair_that_is_no_longer_alike_goes(ana):
    make_track(ana, **LENGTH)
    track = make_track(ana, **LENGTH)
    assert len(titles()) == 1
    actions.edit(track=track, by=ana, title="Morning Bus")
    assert titles() == set() and not Duplicate.objects.exists()


def test_a_removed_tracks_pairs_go_and_others_stay(ana):
    make_track(ana, **LENGTH)
    track = make_track(ana, title="Night train", **LENGTH)
    make_track(ana, title="NIGHT TRAIN", **LENGTH)
    assert len(titles()) == 3
    actions.remove(track=track, by=ana)
    assert titles() == {frozenset(("Night Train", "NIGHT TRAIN"))}


def read_until_now() -> None:
    """As a look leaves it when nobody else writes to the server at that moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        cache.set(duplicates.MARK, cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_second_look_reads_what_changed_and_finds_its_pairs(ana, bob):
    make_track(ana, **LENGTH)
    for number in range(3):
        make_track(bob, title=f"Another {number}", duration_ms=60_000 * (number + 1))
    assert duplicates.find().compared == 4 and cache.get(duplicates.MARK)
    read_until_now()
    assert duplicates.find().compared == 0
    read_until_now()
    make_track(ana, title="Night train", **LENGTH)
    look = duplicates.find()
    assert (look.compared, look.new) == (2, 1)


def test_a_mark_of_another_database_is_none(ana):
    make_track(ana, **LENGTH)
    cache.set(duplicates.MARK, str(2**60))
    assert duplicates.find().compared == 1


def test_a_history_from_elsewhere_did_not_change_since(ana):
    """A dump that is restored here brings numbers of transactions that are still to come."""
    make_track(ana, **LENGTH)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_change SET xid = '9000000000000'")
    assert duplicates.find().compared == 1
    assert duplicates.find().compared == 0


def test_a_look_at_everything_finds_what_a_look_at_the_changed_ones_finds(ana):
    blob = make_blob()
    duplicates.find()
    tracks = [make_track(ana, title=title, **LENGTH) for title in ("Night Train", "Night Trains", "Morning Bus", "x")]
    with_bytes(tracks[2], blob), with_bytes(tracks[3], blob)
    quick = titles()
    assert len(quick) == 2
    Duplicate.objects.all().delete()
    assert titles(everything=True) == quick


def test_many_changes_are_looked_at_in_one_order(ana, monkeypatch):
    duplicates.find()
    monkeypatch.setattr(duplicates, "MOST_CHANGED", 1)
    for _ in range(2):
        make_track(ana, **LENGTH)
    assert duplicates.find().new == 1


def test_a_dismissed_pair_stays_so_until_there_is_a_new_reason(ana, mod):
    make_track(ana, isrc="USABC2400001", **LENGTH)
    track = make_track(ana, **LENGTH)
    titles()
    duplicates.dismiss(pair=pair(), by=mod)
    assert titles(everything=True) == set() and pair().settled_by == mod
    actions.edit(track=track, by=ana, isrc="USABC2400001")
    assert len(titles()) == 1
    assert (pair().state, sorted(pair().reasons), pair().settled_by) == ("open", ["isrc", "near"], None)


def test_what_is_settled_is_settled_once_and_may_be_opened_again(ana, mod):
    make_track(ana, **LENGTH)
    make_track(ana, **LENGTH)
    titles()
    duplicates.dismiss(pair=pair(), by=mod)
    with pytest.raises(Conflict):
        duplicates.dismiss(pair=pair(), by=mod)
    duplicates.reopen(pair=pair(), by=mod)
    assert pair().state == "open"
    with pytest.raises(Conflict):
        duplicates.reopen(pair=pair(), by=mod)


def test_every_step_of_a_look_is_told(ana):
    told = []
    duplicates.find(told=lambda done, of, what: told.append((done, of, what)))
    assert told[0][0] == 0 and told[-1][0] == told[-1][1]
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
