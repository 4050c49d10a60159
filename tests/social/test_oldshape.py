"""What an old post's words become, asked of the database's own functions; the rest is shown by tests/moves."""

import datetime as dt

import pytest
from django.db import connection

from apps.social import oldshape

pytestmark = pytest.mark.django_db


def says(expression: str, *values):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}", values)
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("https://cdn.example.org/a.mp3", "https://cdn.example.org/a.mp3"),
        (" HTTP://x/a b.mp3\n", "HTTP://x/a b.mp3"),
        ("https://x/" + "a" * 1990, "https://x/" + "a" * 1990),
        *((bad, None) for bad in (None, "", " ", "x.mp3", "blob:1", "file:///a.mp3", "javascript:alert(1)", "https://",
                                  "https:///a", "https://x/a\x07", "https://x/" + "a" * 1991)),
    ],
)  # fmt: skip
def test_only_an_address_is_taken_for_one(said, kept):
    assert says("social_old_url(%s)", said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("song.mp3", "song.mp3"),
        ("  song \t", "song"),
        (None, "Audio Track - 2025-01-31"),
        ("\u00a0\u3000\n", "Audio Track - 2025-01-31"),
        ("é" * 300, "é" * 255),
        ("a" * 254 + " b", "a" * 254),
    ],
)
def test_a_track_is_called_as_its_file_was_or_by_the_day(said, kept):
    """S0-32; the day is the UTC day."""
    at = dt.datetime(2025, 2, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert says("social_old_title(%s, %s)", said, at) == kept


def test_the_kept_verdict_is_what_the_catalogue_says_of_such_a_track():
    assert oldshape._verdict.state == "unknown"
    assert oldshape._verdict.reasons == ("NO_CREDITS", "NOT_ARCHIVED", "NO_ISRC")
