"""Bulk edit: a few operations on any number of tracks, each as its column takes it."""

import datetime as dt
from decimal import Decimal

import pytest

from apps.catalog import bulk, changesets
from apps.catalog.models import Changeset, ChangesetRow, Track
from apps.lib.errors import Refusal
from tests.make import make_track

pytestmark = pytest.mark.django_db


def edited(by, track, *operations) -> Track:
    """The track after the operations, by the whole way."""
    changeset = bulk.ask(tracks=[track.pk], operations=list(operations), by=by)
    changesets.work(seconds=60)
    changesets.apply(changeset=Changeset.objects.get(pk=changeset.pk), by=by)
    changesets.work(seconds=60)
    return Track.objects.get(pk=track.pk)


def put(field: str, value) -> dict:
    return {"do": "set", "field": field, "value": value}


@pytest.mark.parametrize(
    ("field", "value", "column", "kept"),
    [
        ("title", " Dawn ", "title", "Dawn"),
        ("artist", "Ana", "artist", "Ana"),
        ("description", "Long", "description", "Long"),
        ("genre", "House", "genre", "House"),
        ("subgenre", "Deep", "subgenre", "Deep"),
        ("tempo", "99.5", "tempo", Decimal("99.50")),
        ("key", "C#", "pitch_class", 1),
        ("scale", "minor", "mode", "minor"),
        ("mood", "calm, calm,  warm ", "mood", ["calm", "warm"]),
        ("tags", ["night", "rain"], "tags", ["night", "rain"]),
        ("catalog_number", "BT-1", "catalog_number", "BT-1"),
        ("isrc", "us-abc-24-00001", "isrc", "USABC2400001"),
        ("release_date", "2024-02-29", "release_date", dt.date(2024, 2, 29)),
        ("is_public", "off", "is_public", False),
        ("is_pro_only", True, "is_pro_only", True),
    ],
)
def test_every_field_is_set(mod, ana, field, value, column, kept):
    assert getattr(edited(mod, make_track(ana), put(field, value)), column) == kept


def test_every_field_that_may_be_empty_is_cleared(mod, ana):
    facts = {"artist": "A", "description": "D", "genre": "G", "subgenre": "S", "tempo": 120, "pitch_class": 0,
             "mode": "major", "mood": ["calm"], "tags": ["night"], "catalog_number": "1", "isrc": "USABC2400001",
             "release_date": dt.date(2024, 1, 1)}  # fmt: skip
    track = edited(mod, make_track(ana, **facts), *({"do": "clear", "field": name} for name in bulk.VERBS["clear"]))
    empty = {getattr(track, name) if name not in ("mood", "tags") else tuple(getattr(track, name)) for name in facts}
    assert empty == {"", None, ()}


def test_several_operations_follow_each_other(mod, ana):
    track = make_track(ana, title="The Rain", tags=["Night", "old"])
    track = edited(
        mod, track, {"do": "replace", "field": "title", "find": "the ", "with": ""},
        {"do": "remove", "field": "tags", "value": "night"}, {"do": "add", "field": "tags", "value": ["OLD", "new"]},
    )  # fmt: skip
    assert (track.title, track.tags) == ("Rain", ["old", "new"])


def test_replacing_takes_its_text_by_the_letter_and_capitals_when_told_to(mod, ana):
    track = make_track(ana, title="a.c abc A.C")
    replace = {"do": "replace", "field": "title", "find": "a.c", "with": r"\1"}
    assert edited(mod, track, {**replace, "case": True}).title == r"\1 abc A.C"
    assert edited(mod, track, {**replace, "find": "A.c"}).title == r"\1 abc \1"


def test_a_track_that_is_so_already_is_no_row(mod, ana):
    tracks = [make_track(ana, genre=genre) for genre in ("House", "Techno")]
    bulk.ask(tracks=[track.pk for track in tracks], operations=[put("genre", "House")], by=mod)
    changesets.work(seconds=60)
    assert [row.track for row in ChangesetRow.objects.all()] == [tracks[1]]


def test_a_track_takes_thirty_words_at_most(mod, ana):
    track = make_track(ana, tags=[f"tag {n}" for n in range(29)])
    bulk.ask(tracks=[track.pk], operations=[{"do": "add", "field": "tags", "value": "one, two"}], by=mod)
    changesets.work(seconds=60)
    assert "at most 30" in ChangesetRow.objects.get().problem


@pytest.mark.parametrize(
    "operation",
    [
        put("owner", "me"),
        put("status", "removed"),
        put("play_count", 9),
        put("owner__email", "x"),
        put("title", "  "),
        put("title", "x" * 256),
        put("title", "a\0b"),
        put("description", "x" * 2_000_000),
        put("tempo", "fast"),
        put("tempo", "NaN"),
        put("tempo", "1e400"),
        put("tempo", 5),
        put("key", "H"),
        put("scale", "dorian"),
        put("isrc", "nonsense"),
        put("release_date", "2024-02-30"),
        put("release_date", ["2024"]),
        put("is_public", "perhaps"),
        put("is_public", [True]),
        put("tags", 7),
        put("tags", ["x" * 41]),
        put("mood", ",".join(f"m{n}" for n in range(31))),
        {"do": "clear", "field": "title"},
        {"do": "clear", "field": "is_public"},
        {"do": "add", "field": "title", "value": "x"},
        {"do": "add", "field": "tags", "value": " , "},
        {"do": "replace", "field": "tags", "find": "x", "with": "y"},
        {"do": "replace", "field": "title", "find": "", "with": "y"},
        {"do": "replace", "field": "title", "find": 1, "with": None},
        {"do": "drop", "field": "title"},
        {"do": ["set"], "field": {}},
        {},
    ],
    ids=lambda operation: str(operation)[:50],
)
def test_an_operation_that_makes_no_sense_is_refused_when_asked(mod, ana, operation):
    track = make_track(ana)
    with pytest.raises(Refusal) as refused:
        bulk.ask(tracks=[track.pk], operations=[put("genre", "House"), operation], by=mod)
    assert (refused.value.code, refused.value.status) == ("INVALID", 400)
    assert refused.value.fields
    assert not Changeset.objects.exists()


@pytest.mark.parametrize(("tracks", "operations"), [([], [put("genre", "House")]), (["one"], [])])
def test_no_tracks_and_no_operations_are_refused(mod, ana, tracks, operations):
    ids = [make_track(ana).pk for _ in tracks]
    with pytest.raises(Refusal):
        bulk.ask(tracks=ids, operations=operations, by=mod)


def test_the_title_says_what_is_done(mod, ana):
    operations = [put("key", "C#"), {"do": "remove", "field": "tags", "value": "old"},
                  {"do": "replace", "field": "title", "find": "a", "with": "b"}]  # fmt: skip
    changeset = bulk.ask(tracks=[make_track(ana).pk], operations=operations, by=mod)
    assert changeset.title == "Key → C#; Tags − old; Title: “a” → “b” — 1 track"
