import datetime as dt

import pytest

from apps.accounts.templatetags.time_words import ago

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (dt.timedelta(0), "just now"), (dt.timedelta(seconds=59), "just now"), (-dt.timedelta(seconds=5), "just now"),
        (dt.timedelta(minutes=1), "1\xa0minute ago"), (dt.timedelta(hours=2, minutes=5), "2\xa0hours, 5\xa0minutes ago"),
    ],
)  # fmt: skip
def test_what_was_within_a_minute_is_just_now(passed, words):
    assert ago(NOW - passed, NOW) == words
