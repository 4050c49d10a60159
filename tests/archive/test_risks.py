"""What is at risk, and what staff can do about it."""

import datetime as dt

import pytest

from apps.archive import risks, schedule
from apps.archive.models import ArchiveAsset
from apps.lib import clock
from tests.make import make_generated

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def asset(owner, **facts) -> ArchiveAsset:
    track = make_generated(owner)
    schedule.plan_tracks([track])
    ArchiveAsset.objects.filter(track=track).update(**facts)
    return ArchiveAsset.objects.get(track=track)


def test_what_fails_or_has_waited_long_close_to_its_expiry_is_at_risk(ana):
    now = clock.now()
    asset(ana, expires_at=now + 10 * DAY, attempts=3)
    asset(ana, expires_at=now + HOUR, created_at=now)
    fails = asset(ana, expires_at=now + HOUR, attempts=1)
    waits = asset(ana, expires_at=now + 2 * HOUR, created_at=now - 3 * HOUR)
    assert list(risks.at_risk(now=now)) == [fails, waits]


def test_what_is_said_to_be_gone_is_at_risk_at_any_time(ana):
    one = asset(ana)
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.filter(pk=one.pk)
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "gone_suspect", lease_until=None, next_at=clock.now())
    assert list(risks.at_risk()) == [one]


def test_what_of_a_removed_track_is_lost_is_nobodys_trouble(ana):
    one = asset(ana)
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.filter(pk=one.pk)
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None, next_at=None)
    assert list(risks.lost()) == [one]
    one.track.machine.move(one.track, "removed", removed_at=clock.now(), title="")
    assert not risks.lost().exists()


def test_every_file_has_something_to_do():
    assert risks.to_do(ArchiveAsset(error_code="GONE")) == risks.BY_HAND
    assert risks.to_do(ArchiveAsset(state="lost", error_code="TIMED_OUT")) == risks.BY_HAND
    assert risks.to_do(ArchiveAsset(error_code="TIMED_OUT")) == risks.RETRY
