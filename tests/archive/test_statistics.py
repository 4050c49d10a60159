"""S3-10, by track."""

import datetime as dt
from decimal import Decimal

import pytest
from redis import RedisError

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.archive.statistics import cache as numbers_cache
from apps.archive.statistics import (
    cached,
    everything,
    example,
    fixity,
    lately,
    ledger,
    queue,
    soonness,
    statistics,
    storage,
)
from apps.catalog.models import ProviderSource
from apps.lib import clock
from tests.archive.world import entry_at
from tests.doors.desk import make_blob
from tests.make import make_generated

pytestmark = pytest.mark.django_db

SECOND, MINUTE, DAY = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(days=1)


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


def archive(track, *, took: dt.timedelta, known: dt.timedelta = dt.timedelta(0), size: int = 1000, **facts) -> None:
    """The track's files are archived now, `took` after the provider had them, and we heard of them `known` after."""
    now = clock.now()
    schedule.plan_tracks([track])
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.filter(track=track)
    machine.move_all(rows, "running", lease_until=now)
    machine.move_all(rows, "archived", lease_until=None, next_at=None, blob=make_blob(size), archived_at=now, **facts)
    rows.update(created_at=now - took + known)
    ProviderSource.objects.filter(track=track).update(generated_at=now - took)


def test_how_soon_is_told_since_it_was_ready_and_since_we_could_know(ana):
    """Who registers a track late does not make the archive slow, and it is said all the same."""
    for minutes in range(1, 101):
        archive(make_generated(ana), took=minutes * MINUTE, known=minutes * MINUTE - 10 * SECOND)
    found = soonness(window=DAY)
    assert found["archived"] == 100
    assert found["since_finished"]["p50"] == pytest.approx(50.5 * 60, abs=5)
    assert found["since_finished"]["p99"] == pytest.approx(99.01 * 60, abs=5)
    assert found["since_known"]["p95"] == pytest.approx(10, abs=5)


def test_rates_are_of_what_was_decided_within_the_window(ana):
    now = clock.now()
    for _ in range(3):
        archive(make_generated(ana), took=MINUTE)
    archive(make_generated(ana), took=MINUTE, expires_at=now - MINUTE)
    lost = make_generated(ana)
    schedule.plan_tracks([lost])
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.filter(track=lost)
    machine.move_all(rows, "running", lease_until=now)
    machine.move_all(rows, "lost", lease_until=None, next_at=None)
    found = soonness(window=DAY)
    assert (found["success_rate"], found["failure_rate"], found["lost"]) == (0.6, 0.2, 1)
    assert soonness(window=DAY, now=now + 2 * DAY)["success_rate"] == 1.0


def test_the_mean_time_of_a_track_is_that_of_its_jobs(ana):
    now = clock.now()
    for seconds in (10, 20):
        job = ArchiveJob(track=make_generated(ana), started_at=now - seconds * SECOND, completed_at=now)
        ArchiveJob.machine.insert(job, "completed")
    assert soonness(window=DAY)["mean_seconds"] == 15


def test_the_queue_tells_its_age_and_what_expires_next(ana):
    first, second = make_generated(ana), make_generated(ana)
    schedule.plan()
    now = clock.now()
    ArchiveAsset.objects.filter(track=first).update(next_at=now - 5 * MINUTE, expires_at=now + DAY)
    ArchiveAsset.objects.filter(track=second).update(next_at=now + MINUTE)
    found = queue(now=now)
    assert (found["waiting"], found["due"], found["age_seconds"]) == (2, 1, 300)
    assert found["next_to_expire"]["track_id"] == first.pk


def test_a_thousand_tracks_a_month_cost_what_the_plan_says():
    """S3-16: ~32 GB, ~$0.67 a month."""
    assert example(1000) == {"tracks": 1000, "gb": 32, "cost_month": "0.67"}


def test_bytes_are_told_by_kind_with_their_growth_and_price(ana, settings):
    settings.STORAGE_PRICE_GB_MONTH = Decimal("0.5")
    archive(make_generated(ana), took=MINUTE, size=1_500_000_000)
    archive(make_generated(ana), took=MINUTE, size=500_000_000)
    ArchiveAsset.objects.filter(blob__size=500_000_000).update(archived_at=clock.now() - 40 * DAY)
    found = storage()
    assert found["by_kind"] == {"audio": {"files": 2, "bytes": 2_000_000_000, "month": 1_500_000_000}}
    assert (found["cost_month"], found["bytes_in_a_year"], found["cost_month_in_a_year"]) == (
        "1.00", 20_000_000_000, "10.00",
    )  # fmt: skip


def test_everything_takes_a_bounded_number_of_statements(ana, django_assert_max_num_queries):
    for _ in range(5):
        archive(make_generated(ana), took=MINUTE)
    with django_assert_max_num_queries(20):
        found = everything(days=7)
    assert found["last_days"]["days"] == 7 and found["targets"]["lost"] == 0
    assert lately()["total_archived"] == 5


def test_numbers_are_counted_without_the_cache_while_it_is_away(ana, monkeypatch):
    def away(*args, **facts):
        raise RedisError

    schedule.plan_tracks([make_generated(ana)])
    for name in ("get", "get_many"):
        monkeypatch.setattr(numbers_cache, name, away)
    assert lately()["pending_archive"] == 1


def test_bytes_are_told_by_how_they_are_looked_after(settings):
    blob = make_blob(size=5_000_000)
    make_blob(size=1_000_000)
    read = clock.now() - (settings.SCRUB_DAYS + 1) * DAY
    type(blob).objects.filter(pk=blob.pk).update(verified_at=read)
    found = fixity()
    assert (found["bytes_total"], found["bytes_checked"], found["bytes_unchecked"]) == (6_000_000, 1_000_000, 5_000_000)
    assert (found["oldest_check"], found["orphans"]) == (read, {})


def test_before_the_first_closed_day_the_ledger_has_no_head():
    assert ledger() == {"last_closed": None, "head": "", "unclosed_days": 0}
    entry_at(clock.now() - 2 * DAY)
    assert ledger()["unclosed_days"] == 2


def test_what_takes_long_to_count_is_kept_for_longer(monkeypatch):
    kept = {}
    monkeypatch.setattr(numbers_cache, "set", lambda key, value, seconds: kept.update({key: seconds}))
    cached("quick", dict)
    monkeypatch.setattr("apps.archive.statistics.SHARE", 10**9)
    cached("slow", dict)
    assert kept["archive.quick"] == 10 < kept["archive.slow"]
