"""Values on their way into JSON and back: what is equal for the column is equal here."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog import changerows, changesets
from apps.catalog.changerows import Conflict, Row, Side
from apps.catalog.models import Changeset, ChangesetRow, Credit, Track
from tests.catalog.test_changesets import make_tracks
from tests.make import make_track

pytestmark = pytest.mark.django_db


def stored(by, *rows: Row) -> Side:
    changeset = Changeset.objects.create(kind="merge", title="x", made_by=by, door="admin", step="apply")
    changerows.store(changeset, rows, by=by, report=lambda done: None)
    return changerows.side(changeset)


@pytest.mark.parametrize(
    ("column", "stands", "expected"),
    [
        ("tempo", Decimal("120.00"), Decimal("120")),
        ("tempo", Decimal("99.90"), 99.9),
        ("tempo", None, None),
        ("release_date", dt.date(2024, 2, 29), dt.date(2024, 2, 29)),
        ("removed_at", None, None),
        ("tags", ["a", 'quo"te', "com\\ma"], ["a", 'quo"te', "com\\ma"]),
        ("mood", [], []),
        ("title", "ünïcode 🎵", "ünïcode 🎵"),
        ("pitch_class", 0, 0),
        ("is_public", False, False),
    ],
)
def test_what_stands_there_is_recognised(mod, ana, column, stands, expected):
    track = make_track(ana)
    Track.objects.filter(pk=track.pk).update(**{column: stands})
    row = Row(track.pk, "catalog_track", track.pk, {column: expected}, {column: expected})
    assert changerows.conflicts(stored(mod, row), by=mod) == []


def test_a_moment_is_recognised_to_the_microsecond(mod, ana):
    track = make_track(ana)
    for micro in (0, 120_000, 123_456):
        moment = dt.datetime(2026, 1, 2, 3, 4, 5, micro, dt.timezone(dt.timedelta(hours=2)))
        Track.objects.filter(pk=track.pk).update(created_at=moment)
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(created_at) = to_jsonb(%s::text::timestamptz) FROM catalog_track",
                           [changerows.encoded(moment)])  # fmt: skip
            assert cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    ("column", "now", "expected"),
    [("tempo", "120.01", Decimal("120")), ("tags", ["b", "a"], ["a", "b"]), ("title", "Rain ", "Rain"),
     ("genre", "house", "House"), ("tempo", None, Decimal(1)), ("pitch_class", 0, None)],
)  # fmt: skip
def test_what_differs_is_named(mod, ana, column, now, expected):
    track = make_track(ana)
    Track.objects.filter(pk=track.pk).update(**{column: now})
    row = Row(track.pk, "catalog_track", track.pk, {column: expected}, {column: now})
    (found,) = changerows.conflicts(stored(mod, row), by=mod)
    assert (found.field, found.row.track_id) == (column, track.pk)


def test_a_row_that_goes_is_kept_whole_and_one_that_comes_gets_its_defaults(mod, ana):
    track = make_track(ana)
    credit = Credit.objects.create(track=track, name="Ana", role="composer", split="12.50")
    new = Row(track.pk, "catalog_credit", None, None, {"name": "Bob", "role": "producer"})
    stored(mod, Row(track.pk, "catalog_credit", credit.pk, {}, None), new)
    going, coming = ChangesetRow.objects.order_by("id")
    columns = {column.attname for column in Credit._meta.concrete_fields}
    assert set(going.old) == set(coming.new) == columns
    assert (going.old["split"], going.old["id"]) == ("12.50", str(credit.pk))
    assert (coming.new["ipi"], coming.new["track_id"], coming.new["id"]) == ("", str(track.pk), str(coming.row_id))


def test_a_number_is_kept_as_the_end_of_a_key(mod, ana):
    row = Row(make_track(ana).pk, "catalog_play", 2**40 + 7, {"user_id": None}, {"user_id": ana.pk})
    stored(mod, row)
    assert ChangesetRow.objects.get().row_id == UUID(int=2**40 + 7)


def test_tracks_of_others_and_unknown_ones_are_problems_without_a_name(ana, bob):
    """Rows start at what the person may change; nothing of the track is told."""
    theirs = make_track(ana)
    stored(bob, *(Row(pk, "catalog_track", pk, {"genre": ""}, {"genre": "x"}) for pk in (theirs.pk, UUID(int=7))))
    assert set(ChangesetRow.objects.values_list("problem", "track")) == {(changerows.GONE, None)}


@pytest.mark.parametrize(
    ("column", "value"),
    [("title", " "), ("title", "x" * 256), ("description", "x" * 10_001), ("genre", "a\0b"), ("tempo", Decimal(500)),
     ("mode", "dorian"), ("tags", ["x" * 41]), ("pitch_class", 12)],
)  # fmt: skip
def test_a_column_says_what_it_does_not_take(column, value):
    assert changerows.objection(Track._meta.get_field(column), value)


def test_what_is_left_is_a_field_or_the_whole_row(mod, ana):
    side = Side(Changeset(), "new", "old")
    changed, made = ChangesetRow(pk=1, old={}, new={}), ChangesetRow(pk=2, old=None, new={})
    side.leave([Conflict(changed, "genre"), Conflict(changed, "tempo"), Conflict(made, "name")])
    assert side.left == {1: {"genre", "tempo"}, 2: None}
    side.leave([Conflict(changed, "")])
    assert side.left[1] is None


def test_a_thousand_rows_are_one_statement(mod, ana):
    """As many statements for ten rows as for two hundred."""
    costs = []
    for count in (10, 200):
        rows = [
            Row(t.pk, "catalog_track", t.pk, {"genre": "Techno"}, {"genre": "House"}) for t in make_tracks(ana, count)
        ]
        way = stored(mod, *rows)
        with CaptureQueriesContext(connection) as spent:
            changerows.lock(way)
            assert changerows.conflicts(way, by=mod) == []
            changerows.write(way, now=changesets.clock.now(), report=lambda done: None)
        costs.append(len(spent))
    assert costs[0] == costs[1] < 20
