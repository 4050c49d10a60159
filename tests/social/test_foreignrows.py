"""How words of another community are read: keys, numbers and times that may be none."""

import datetime as dt

import pytest
from django.db import connection

from apps.lib import ddl
from apps.social import foreignrows

pytestmark = pytest.mark.django_db
LATEST = "timestamptz '2026-01-02 00:00:00+00'"


def read(function: str, said: str | None):
    with connection.cursor() as cursor:
        cursor.execute(foreignrows.SCHEMA.format(earliest=foreignrows.EARLIEST, latest=LATEST))
    return ddl.asked(f"SELECT adoption.{function}(%s)", [said])[0][0]


@pytest.mark.parametrize("said", [None, "", "17", "9e107d9d372bb6826bd81d3542a419d", "x" * 36])
def test_what_is_no_key_is_none(said):
    assert read("key", said) is None


def test_a_key_in_whatever_spelling_is_one():
    assert str(read("key", " 9E107D9D372BB6826BD81D3542A419D6 ")) == "9e107d9d-372b-b682-6bd8-1d3542a419d6"


@pytest.mark.parametrize(
    ("said", "number"), [("180.4", 180), ("-3", -3), ("1e5", None), ("", None), ("9" * 17, None), (None, None)]
)
def test_a_number_that_fits_is_read(said, number):
    assert read("small", said) == number


@pytest.mark.parametrize("said", [None, "", "soon", "infinity", "1970-01-01", "2031-01-01", "2024-02-30"])
def test_a_time_that_cannot_be_is_none(said):
    assert read("moment", said) is None


def test_a_time_without_a_zone_is_utc():
    assert read("moment", "2024-05-01 09:00:00") == dt.datetime(2024, 5, 1, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize(("spelled", "said"), [("caf\\351", "café"), ("caf\\303\\251", "café"), ("a\\\\b", "a\\b")])
def test_bytes_are_read_as_utf_8_or_else_as_latin_1(spelled, said):
    assert read("said", spelled) == said
