"""Which track a line means: the order of the ways, how sure, and never one that its sender may not see."""

import uuid
from decimal import Decimal

import pytest

from apps.catalog import actions as catalog
from apps.catalog import words
from apps.catalog.models import Track
from apps.playlists import matching
from apps.playlists.models import Import, ImportLine
from tests.make import make_playable, make_playlist, make_track

pytestmark = pytest.mark.django_db


def asked(by, *lines: dict) -> Import:
    imported = Import.objects.create(
        user=by, playlist=make_playlist(by), file_name="x", form="csv", lines_total=len(lines)
    )
    ImportLine.objects.bulk_create(ImportLine(imported=imported, number=n, **facts) for n, facts in enumerate(lines, 1))
    return imported


def looked(by, *lines: dict) -> list[ImportLine]:
    imported = asked(by, *lines)
    matching.look_for(imported, 1, len(lines))
    return list(imported.lines.order_by("number"))


def found(by, **facts) -> tuple[str, uuid.UUID | None]:
    [line] = looked(by, facts)
    assert line.outcome == ("found" if line.track_id else "unresolved")
    return line.how, line.track_id


def sure(by, **facts) -> Decimal | None:
    [line] = looked(by, facts)
    return line.confidence


@pytest.fixture
def night(ana) -> Track:
    return make_track(ana, title="Night Train", artist="Ana Torres", duration_ms=185_000, isrc="USABC2400001")


def test_the_ways_come_in_their_order(ana, night):
    """Our id before the ISRC, that before the hash, that before the words."""
    other = make_playable(ana, title="Other", artist="Somebody", isrc="USABC2400002")
    sha256 = other.file("original").blob.sha256
    words_of_night = {"title": "Night Train", "artist": "Ana Torres"}
    assert found(ana, named=other.pk, isrc="USABC2400001", **words_of_night) == ("id", other.pk)
    assert found(ana, named=uuid.uuid4(), isrc="USABC2400002", **words_of_night) == ("isrc", other.pk)
    assert found(ana, isrc="USABC2400001", sha256=sha256) == ("isrc", night.pk)
    assert found(ana, sha256=sha256, **words_of_night) == ("bytes", other.pk)
    assert found(ana, **words_of_night) == ("words", night.pk)
    assert found(ana, title="Unheard of") == ("", None)


def test_of_several_with_one_isrc_the_likest_title_is_meant(ana, night):
    """C-18: an ISRC is not unique."""
    make_track(ana, title="Something else", isrc="USABC2400001")
    assert found(ana, isrc="USABC2400001", title="night train") == ("isrc", night.pk)


@pytest.mark.parametrize("way", ["named", "isrc", "sha256", "title"])
def test_nobody_finds_what_they_do_not_see(ana, bob, way):
    track = make_playable(ana, title="Undisclosed", artist="Ana", isrc="USABC2400009", is_public=False)
    facts = {"named": track.pk, "isrc": track.isrc, "sha256": track.file("original").blob.sha256, "title": track.title}
    line = {way: facts[way], "artist": "Ana", "duration_ms": track.duration_ms}
    assert found(ana, **line)[1] == track.pk
    assert found(bob, **line) == ("", None)
    assert matching.candidates(looked(bob, line)[0], bob) == []


def test_what_was_removed_is_found_by_nobody(ana, mod, night):
    catalog.remove(track=night, by=ana)
    assert found(mod, named=night.pk, isrc="USABC2400001", title="Night Train") == ("", None)


def test_a_merged_track_leads_to_the_one_it_lives_on_in(ana, bob, night):
    gone = make_track(ana, title="Gone")
    Track.machine.move(gone, "merged", merged_into=night, removed_at=night.created_at)
    assert found(bob, named=gone.pk) == ("id", night.pk)
    catalog.edit(track=night, by=ana, is_public=False)
    assert found(bob, named=gone.pk) == ("", None)


@pytest.mark.parametrize(
    "facts",
    [
        {"title": "NIGHT TRAIN", "artist": "ana torres"},
        {"title": "Night Train", "artist": "Ana Torres", "duration_ms": 187_000},
        {"title": "Night Train (Remastered)", "artist": "Ana Torres"},
        {"title": "Night Train - 2011 Remaster", "artist": "Ana Torres", "duration_ms": 185_000},
        {"title": "Night Traín", "artist": "Ana Tórres"},
        {"title": "Ana Torres", "artist": "Night Train", "duration_ms": 185_000},
        {"title": "Night Train", "duration_ms": 185_000},
        {"title": "Nigth Train", "artist": "Ana Tores", "duration_ms": 185_000},
    ],
)
def test_words_that_are_nearly_the_same_are_sure_enough(ana, bob, night, facts):
    make_track(ana, title="Night Bus", artist="Ana Torres", duration_ms=185_000)
    words.learn()
    assert found(bob, **facts) == ("words", night.pk)


@pytest.mark.parametrize(
    "facts",
    [
        {"title": "Night Train", "artist": "Bill Evans", "duration_ms": 185_000},
        {"title": "Night Train", "artist": "Ana Torres", "duration_ms": 400_000},
        {"title": "Night Train"},
        {"title": "Train"},
        {"title": "", "artist": "Ana Torres", "duration_ms": 185_000},
        {"title": "Night Train 2", "artist": "Ana Torres"},
        {"title": "'; DROP TABLE x; -- & | ! <-> :* \\"},
    ],
)
def test_what_may_be_another_one_is_left_to_people(bob, night, facts):
    assert found(bob, **facts) == ("", None)


def test_two_that_are_alike_are_left_to_people(ana, night):
    twin = make_track(ana, title="Night Train", artist="Ana Torres", duration_ms=185_000)
    [line] = looked(ana, {"title": "Night Train", "artist": "Ana Torres", "duration_ms": 185_000})
    assert line.outcome == "unresolved"
    assert [track for track, _ in matching.candidates(line, ana)] == [night, twin]


def test_a_part_is_not_another_part(ana):
    one, two = (make_track(ana, title=f"Suite (Part {n})", artist="Ana", duration_ms=60_000) for n in (1, 2))
    for track in (one, two):
        assert found(ana, title=track.title, artist="Ana", duration_ms=60_000) == ("words", track.pk)


@pytest.mark.parametrize("title", ["Ночной поезд", "夜行列車", "Τρένο"])
def test_other_scripts_are_found_by_their_letters(ana, title):
    track = make_track(ana, title=title, artist="Ана", duration_ms=60_000)
    assert found(ana, title=title, artist="Ана") == ("words", track.pk)


@pytest.mark.parametrize("artist", ["Kamakawiwoʻole", "Знаʼя", "ˈaba", "ŉ ʹ ʽ ʹ", "O'Brien \\\\ ''"])
def test_an_apostrophe_that_is_a_letter_breaks_no_query(ana, artist):
    track = make_track(ana, title="Hawaiʻi", artist=artist, duration_ms=60_000)
    assert found(ana, title="Hawaiʻi", artist=artist) == ("words", track.pk)
    [line] = looked(ana, {"title": "Hawaiʻi", "artist": artist})
    assert matching.candidates(line, ana)[0][0] == track


def test_it_says_how_sure_it_is(ana, night):
    same = {"title": "Night Train", "artist": "Ana Torres"}
    assert sure(ana, named=night.pk) == 1
    assert sure(ana, isrc="USABC2400001") == Decimal("0.95")
    exact, without_length, near = (
        sure(ana, **same, duration_ms=185_000), sure(ana, **same), sure(ana, **same, duration_ms=195_000)
    )  # fmt: skip
    assert 1 == exact > without_length > near > Decimal("0.75")
    assert sure(ana, title="x") is None


def test_candidates_are_what_a_line_may_mean_the_likeliest_first(ana, night):
    other = make_track(ana, title="Night Train", artist="Bill Evans")
    [line] = looked(ana, {"title": "Night Train", "artist": "Ana T"})
    rows = matching.candidates(line, ana)
    assert [track for track, _ in rows] == [night, other]
    assert rows[0][1] > rows[1][1] > 0


def test_many_lines_take_no_more_statements_than_a_few(ana, night, django_assert_max_num_queries):
    lines = [{"title": f"Night Train {n}", "artist": "Ana Torres", "isrc": f"USABC24{n:05}"} for n in range(100)]
    imported = asked(ana, *lines)
    with django_assert_max_num_queries(12):
        matching.look_for(imported, 1, 100)
