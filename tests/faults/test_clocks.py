"""Clocks that are wrong, zones that jump, days that are not in every year: a file's times stay what they are (F16, F20)."""

import datetime as dt
import os
import time
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from apps.archive import generations, manifests, schedule
from apps.archive.models import ArchiveAsset, LedgerEntry, Manifest
from apps.archive.retry import Life, decide
from apps.catalog.models import Provider, ProviderSource, Track
from apps.lib import clock, fetch, leases
from tests.archive.world import asset_of, at_provider, entry_at, run_all
from tests.faults import promises, sweep
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland")
HOUR, LITTLE = dt.timedelta(hours=1), dt.timedelta(seconds=10)


@pytest.fixture
def wrong(monkeypatch):
    """`wrong(minutes)`: from now on this machine's clock is so far ahead; the database's and the provider's are right."""
    right = timezone.now

    def ahead(minutes: float) -> None:
        away = dt.timedelta(minutes=minutes)

        class Wrong(dt.datetime):
            @classmethod
            def now(cls, zone=None):
                return dt.datetime.now(zone) + away

        monkeypatch.setattr(timezone, "now", lambda: right() + away)
        monkeypatch.setattr(fetch, "datetime", Wrong)

    return ahead


# --- A worker whose clock is ten minutes off (F16) ---------------------------------------------------------------
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_file_of_an_hour_is_tried_again_as_soon_on_any_clock(ana, provider, wrong, minutes):
    wrong(minutes)
    Provider.objects.filter(pk="suno").update(lifetime=HOUR)
    track = at_provider(provider, ana, behaviour="500")
    Provider.objects.filter(pk="suno").update(lifetime=HOUR)
    ProviderSource.objects.update(expires_at=clock.now() + HOUR)
    run_all()
    asset = asset_of(track)
    assert asset.state == "retrying"
    assert clock.now() < asset.next_at < clock.now() + 2 * LITTLE


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_date_to_wait_for_is_of_the_clock_of_who_names_it(ana, provider, wrong, minutes):
    wrong(minutes)
    track = at_provider(provider, ana, behaviour="429_date")
    run_all()
    waits = asset_of(track).next_at - clock.now()
    assert dt.timedelta(seconds=95) < waits < dt.timedelta(seconds=135)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_what_was_just_generated_lives_as_long_on_any_clock(ana, wrong, minutes):
    wrong(minutes)
    source = make_generated(ana, provider="replicate", audio_url="https://replicate.delivery/a.mp3").source
    left = source.expires_at - clock.now()
    assert abs(left - source.provider.lives("audio")) < LITTLE


@pytest.mark.parametrize("minutes", [-10, 10])
def test_nobody_takes_what_another_machine_holds(ana, provider, wrong, minutes):
    sweep.small(provider, ana, cover=False)
    (held,) = leases.claim(ArchiveAsset.objects.all(), ArchiveAsset.machine, limit=9)
    wrong(minutes)
    with leases.held(held):
        assert leases.claim(ArchiveAsset.objects.all(), ArchiveAsset.machine, limit=9) == []
        schedule.keep_house()
    assert asset_of(held.track).token == held.token == 1


@pytest.mark.parametrize("minutes", [-10, 10])
def test_everything_is_archived_on_any_clock_and_dated_by_the_database(ana, provider, wrong, minutes):
    wrong(minutes)
    track = sweep.small(provider, ana)
    run_all()
    asset = asset_of(track)
    assert promises.kept(sweep.published).sound
    assert abs(asset.archived_at - clock.now()) < LITTLE and abs(asset.created_at - clock.now()) < LITTLE
    assert all(abs(at - clock.now()) < LITTLE for at in LedgerEntry.objects.values_list("at", flat=True))
    assert generations.keep_house() == 0


# --- Zones, leap days, ends of years (F20) -----------------------------------------------------------------------
@pytest.fixture(params=ZONES)
def zone(request, monkeypatch):
    """The machine's zone, and the one that pages are written in."""
    monkeypatch.setenv("TZ", request.param)
    monkeypatch.setenv("PGTZ", request.param)
    time.tzset()
    connection.close()
    with timezone.override(ZoneInfo(request.param)):
        yield ZoneInfo(request.param)
    connection.close()
    monkeypatch.undo()
    time.tzset()


# Clocks forward and back in Berlin, New York and Auckland; a leap day; the end of a year.
JUMPS = ("2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-03-08T07:00Z", "2026-11-01T06:00Z", "2026-04-04T14:00Z",
         "2026-09-26T14:00Z", "2028-02-29T00:00Z", "2028-03-01T00:00Z", "2027-01-01T00:00Z")  # fmt: skip


def moments() -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(jump) + hours * HOUR for jump in JUMPS for hours in (-1, 0, 1)]


def test_the_clock_and_the_rows_speak_utc_in_every_zone(ana, zone):
    assert clock.now().utcoffset() == dt.timedelta(0) and os.environ["TZ"] == str(zone)
    assert make_generated(ana).source.expires_at.utcoffset() == dt.timedelta(0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)


def test_a_file_lives_for_hours_across_any_jump(ana, zone):
    """Said by Python when it is registered, and by the database when staff change the provider's lifetime."""
    service, tracks = None, []
    for at in moments():
        track = make_generated(ana, generated_at=at.astimezone(zone), cover_url="https://cdn1.suno.ai/a.jpeg")
        tracks.append(track)
        service = track.source.provider
        assert track.source.expires_at - at == service.lives("audio")
    schedule.plan_tracks(tracks)
    service.lifetime = dt.timedelta(days=13, hours=1)
    service.save()
    schedule.apply_lifetimes(service)
    for asset in ArchiveAsset.objects.select_related("track__source"):
        assert asset.expires_at - asset.track.source.generated_at == dt.timedelta(hours=13 * 24 + 1)


def test_the_ladder_is_the_same_across_any_jump(zone):
    for code in ("SOURCE_ERROR", "GONE"):
        for lives in (HOUR, 15 * 24 * HOUR):
            found = set()
            for at in moments():
                life = Life(at - HOUR / 2, at - HOUR / 2 + lives, 3, gone_checks=2, gone_since=at - 7 * HOUR)
                decided = decide(code, life, now=at)
                found.add((decided.state, decided.next_at and decided.next_at - at))
            assert len(found) == 1, (code, lives, found)


DAYS = ("2026-03-29", "2026-10-25", "2028-02-29", "2026-12-31")


@pytest.mark.parametrize("day", DAYS)
def test_a_day_of_the_ledger_is_a_day_of_utc(zone, day):
    """The entries of its first and last moment are in it, those beside it are in its neighbours."""
    day = dt.date.fromisoformat(day)
    midnight, instant = dt.datetime.combine(day, dt.time(), dt.UTC), dt.timedelta(microseconds=1)
    for at in (
        midnight - instant,
        midnight,
        midnight + 12 * HOUR,
        midnight + 24 * HOUR - instant,
        midnight + 24 * HOUR,
    ):
        entry_at(at)
    manifests.close(now=midnight + 24 * HOUR - instant)
    assert Manifest.objects.count() == 1
    manifests.close(now=(midnight + 48 * HOUR).astimezone(zone))
    rows = Manifest.objects.order_by("day")
    beside = dt.timedelta(days=1)
    assert [(row.day, row.entries) for row in rows] == [(day - beside, 1), (day, 3), (day + beside, 1)]


def test_a_track_made_in_the_hour_that_comes_twice_is_archived(ana, provider, zone):
    for fold in (0, 1):
        at = dt.datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Berlin"))
        at_provider(provider, ana, seed=fold, generated_at=at, expires_at=clock.now() + HOUR)
    run_all()
    assert ArchiveAsset.objects.filter(state="archived").count() == Track.objects.count() == 2
