"""S3-10, by track."""

import datetime as dt

import pytest

from apps.archive import schedule
from apps.archive.models import ArchiveAsset
from apps.archive.statistics import statistics
from apps.lib import clock
from tests.make import make_generated

pytestmark = pytest.mark.django_db


def test_an_empty_archive_has_kept_everything():
    assert statistics()["archive_percentage"] == 100.0


def test_tracks_are_counted_once_and_in_the_right_heap(ana):
    safe, urgent, expired = (make_generated(ana, cover_url="https://cdn1.suno.ai/a.jpeg") for _ in range(3))
    schedule.plan()
    now = clock.now()
    ArchiveAsset.objects.filter(track=urgent).update(expires_at=now + dt.timedelta(hours=40))
    ArchiveAsset.objects.filter(track=expired).update(expires_at=now - dt.timedelta(hours=1))
    numbers = statistics(now=now)
    assert numbers["total_tracks"] == numbers["pending_archive"] == 3
    assert (numbers["urgent_archive_needed"], numbers["expired_tracks"], numbers["total_archived"]) == (1, 1, 0)
    assert safe.pk


def test_a_removed_track_counts_no_more(ana):
    track = make_generated(ana)
    schedule.plan()
    track.machine.move(track, "removed", removed_at=clock.now(), title="")
    assert (statistics()["total_tracks"], statistics()["archive_percentage"]) == (0, 100.0)


def test_a_lost_asset_makes_its_track_an_expired_one(ana):
    make_generated(ana)
    schedule.plan()
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.all()
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None)
    numbers = statistics()
    assert (numbers["expired_tracks"], numbers["pending_archive"], numbers["archive_percentage"]) == (1, 0, 0.0)
