"""Runs: who claims what, in which order, and how many side by side."""

import datetime as dt
import threading
import time

import pytest
from django.db import connection

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.lib import clock, leases
from deploy.demo.behaviours import Behaviour
from tests.archive.world import asset_of, at_provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_three_runs_at_once_fetch_each_file_once(ana, provider):
    tracks = [at_provider(provider, ana, seed=1) for _ in range(6)]
    schedule.plan()

    def one_run() -> None:
        working.work(limit=50, seconds=20)
        connection.close()

    runs = [threading.Thread(target=one_run) for _ in range(3)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert ArchiveAsset.objects.filter(state="archived").count() == len(tracks)
    assert all(count == 1 for count in provider.requests.values())
    assert ArchiveJob.objects.filter(status="completed").count() == len(tracks)


def test_poison_is_set_apart_after_five_crashes_and_tried_hourly(ana, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    for crash in range(5):
        now = clock.now()
        ArchiveAsset.objects.filter(state="running").update(lease_until=now - dt.timedelta(seconds=1))
        claimed = leases.claim(schedule.due(now=now), ArchiveAsset.machine, limit=1, now=now)
        assert [row.crashes for row in claimed] == [crash]
    ArchiveAsset.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert leases.claim(schedule.due(), ArchiveAsset.machine, limit=1) == []
    schedule.keep_house()
    asset = asset_of(track)
    assert (asset.state, asset.crashes, asset.error_code) == ("quarantined", 5, "CRASHED")
    later = clock.now() + dt.timedelta(hours=1, seconds=1)
    assert not schedule.quarantined().exists() and schedule.quarantined(now=later).exists()
    assert not schedule.due(now=later).exists(), "it has a lane of its own"
    ArchiveAsset.objects.update(next_at=clock.now())
    assert working.work_quarantined() is True
    assert asset_of(track).state == "archived"
    assert working.work_quarantined() is False


def test_what_can_still_be_saved_goes_before_what_is_past_its_expiry(ana, bob, provider):
    dead = [at_provider(provider, bob, behaviour="404") for _ in range(3)]
    live = at_provider(provider, ana)
    schedule.plan()
    ArchiveAsset.objects.filter(track__in=dead).update(expires_at=clock.now() - dt.timedelta(hours=1))
    order = []
    working.work(limit=1, seconds=20, told=lambda asset: order.append(asset.track))
    assert order == [live]


def test_a_slow_download_does_not_hold_up_what_falls_due_meanwhile(ana, provider, settings):
    settings.ARCHIVE_PARALLEL = 2
    slow = at_provider(provider, ana)
    provider.behave(slow.source.audio_url, Behaviour("slow", 15_000))
    schedule.plan()
    order = []
    run = threading.Thread(
        target=lambda: (working.work(limit=9, seconds=20, told=lambda a: order.append(a.track)), connection.close())
    )
    run.start()
    quick = at_provider(provider, ana)
    schedule.plan()
    run.join()
    assert order == [quick, slow]


def test_a_killer_whose_last_try_failed_in_an_ordinary_way_stays_alone(ana, provider):
    track = at_provider(provider, ana, behaviour="503", times=1)
    schedule.plan()
    now = clock.now()
    rows = ArchiveAsset.objects.all()
    rows.model.machine.move_all(rows, "running", lease_until=now)
    rows.model.machine.move_all(rows, "quarantined", lease_until=None, next_at=now)
    rows.update(crashes=5)
    assert working.work_quarantined() is True
    assert asset_of(track).state == "retrying"
    rows.update(next_at=now)
    assert not schedule.due().exists() and schedule.quarantined().exists()


def test_idle_threads_stay_also_while_another_one_claims(ana, provider, settings, monkeypatch):
    """Between a claim and its count the others must not see nobody at work."""
    settings.ARCHIVE_PARALLEL = 2
    slow = at_provider(provider, ana)
    provider.behave(slow.source.audio_url, Behaviour("slow", 20_000))
    schedule.plan()
    claim = leases.claim

    def slow_claim(*args, **kwargs):
        found = claim(*args, **kwargs)
        time.sleep(0.3 if found else 0)
        return found

    monkeypatch.setattr(leases, "claim", slow_claim)
    order = []
    run = threading.Thread(
        target=lambda: (working.work(limit=9, seconds=20, told=lambda a: order.append(a.track)), connection.close())
    )
    run.start()
    time.sleep(0.5)
    quick = at_provider(provider, ana)
    schedule.plan()
    run.join()
    assert order == [quick, slow]
