"""Tracks as a table: who gets which rows, and what stands in them."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.catalog import sheets
from apps.catalog.models import Credit, Track
from apps.lib import clock, sheet
from apps.lib.errors import Refusal
from tests.make import make_track

pytestmark = pytest.mark.django_db


def exported(user, tracks=None) -> list[dict[str, str]]:
    rows = Track.objects.all() if tracks is None else tracks
    text = b"".join(sheets.export(rows, user=user, form="csv")).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_says_what_the_track_says(ana, mod):
    facts = {"genre": "Techno", "tempo": Decimal("120.5"), "pitch_class": 1, "mode": "minor", "mood": ["dark", "calm"],
             "release_date": dt.date(2024, 2, 3), "duration_ms": 61_500}  # fmt: skip
    track = make_track(ana, **facts, is_public=False)
    for name, role in (("Bo", "producer"), ("Ana Lee", "composer"), ("Bo", "composer")):
        Credit.objects.create(track=track, name=name, role=role)
    (row,) = exported(mod)
    assert list(row) == list(sheets.COLUMNS)
    said = {
        "id": str(track.pk), "title": "Night Train", "genre": "Techno", "tempo": "120.50", "key": "C#",
        "scale": "minor", "mood": "dark, calm", "release_date": "2024-02-03", "duration": "61.5", "is_public": "no",
        "owner": "ana", "creators": "Bo, Ana Lee", "status": "ready", "play_count": "0", "clearance": "unknown",
    }  # fmt: skip
    assert said.items() <= row.items()


def test_a_stranger_gets_no_row_that_is_hidden(ana, bob, mod):
    """Whatever choice of rows comes in, the gate is asked again."""
    public, private, removed = make_track(ana), make_track(ana, is_public=False), make_track(ana)
    Track.machine.move(removed, "removed", title="", removed_at=clock.now())
    got = {user: {row["id"] for row in exported(user)} for user in (AnonymousUser(), ana, bob, mod)}
    assert got[bob] == got[AnonymousUser()] == {str(public.pk)}
    assert got[ana] == {str(public.pk), str(private.pk)}
    assert got[mod] == {str(public.pk), str(private.pk), str(removed.pk)}


def test_formulas_are_defused(ana):
    make_track(ana, title="=HYPERLINK(1)", tags=["@x"])
    (row,) = exported(ana)
    assert (row["title"], row["tags"]) == ("'=HYPERLINK(1)", "'@x")


def test_newest_first_and_in_as_many_queries_as_batches(ana, monkeypatch, django_assert_num_queries):
    made = [str(make_track(ana).pk) for _ in range(4)]
    monkeypatch.setattr(sheets, "AT_ONCE", 2)
    with django_assert_num_queries(6):
        assert [row["id"] for row in exported(ana)] == made[::-1]


def test_an_unknown_form_is_refused_before_anything_is_sent(ana):
    with pytest.raises(Refusal, match="format: one of csv, xlsx"):
        sheets.export(Track.objects.all(), user=ana, form="ods")


def test_more_rows_than_a_workbook_holds_are_refused(ana, monkeypatch):
    monkeypatch.setattr(sheet, "MOST_IN_XLSX", 1)
    make_track(ana)
    assert sheets.export(Track.objects.all(), user=ana, form="xlsx")
    make_track(ana)
    with pytest.raises(Refusal) as refused:
        sheets.export(Track.objects.all(), user=ana, form="xlsx")
    assert refused.value.code == "SHEET_TOO_LONG"


def test_the_files_name_says_the_day():
    assert sheets.name_of("csv", dt.datetime(2024, 2, 3, tzinfo=dt.UTC)) == "tracks-2024-02-03.csv"
