"""What charts and metrics are made of."""

import datetime as dt

import pytest

from apps.archive import schedule, series
from apps.archive.models import ArchiveAsset
from apps.lib import clock
from tests.archive.test_statistics import archive
from tests.make import make_generated

pytestmark = pytest.mark.django_db

SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


def test_what_waits_stands_at_the_time_that_is_left(ana):
    tracks = [make_generated(ana) for _ in range(4)]
    schedule.plan_tracks(tracks)
    now = clock.now()
    for track, left in zip(tracks, (-DAY, 0.02 * DAY, 1.5 * DAY, 300 * DAY), strict=True):
        ArchiveAsset.objects.filter(track=track).update(expires_at=now + left)
    found = dict(series.until_expiry(now=now))
    assert {name: number for name, number in found.items() if number} == {"over": 1, "1 h": 1, "2 d": 1, "later": 1}


def test_what_was_archived_stands_at_the_time_it_took(ana):
    for seconds in (3, 40, 90_000):
        archive(make_generated(ana), took=seconds * SECOND)
    found = dict(series.until_archived(now=clock.now()))
    assert {step: number for step, number in found.items() if number} == {5: 1, 60: 1, None: 1}


def test_outcomes_are_told_by_provider_and_day_with_days_of_none(ana):
    archive(make_generated(ana), took=SECOND)
    archive(make_generated(ana), took=SECOND, attempts=2)
    found = series.outcomes(days=3)
    (days,) = found.values()
    assert [counts for _, counts in days[:2]] == [{"archived": 0, "retried": 0, "lost": 0}] * 2
    assert days[2][1] == {"archived": 1, "retried": 1, "lost": 0}


def test_states_are_counted_by_provider(ana):
    schedule.plan_tracks([make_generated(ana), make_generated(ana)])
    assert series.by_state() == [("suno", "pending", 2)]
