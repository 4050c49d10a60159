"""What people ask of the archive."""

import datetime as dt
import threading

import pytest
from django.db import connection

from apps.archive import actions, schedule, working
from apps.archive.models import ArchiveAsset
from apps.lib import clock
from apps.lib.errors import Conflict
from tests.archive.world import asset_of, at_provider, run_all

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lost_asset_can_be_asked_for_again(ana, mod, provider):
    track = at_provider(provider, ana, behaviour="404", times=1)
    schedule.plan()
    past = clock.now() - dt.timedelta(seconds=1)
    ArchiveAsset.objects.update(expires_at=past)
    run_all()
    assert asset_of(track).state == "lost"
    job = actions.request(track=track, by=mod)
    assert job.requested_by == mod
    run_all()
    assert asset_of(track).state == "archived"
    with pytest.raises(Conflict):
        actions.request(track=track, by=mod)


def test_a_job_that_waits_in_line_is_not_closed(ana, mod, provider):
    track = at_provider(provider, ana, behaviour="500", times=1)
    run_all()
    job = actions.request(track=track, by=mod)
    schedule.keep_house()
    job.refresh_from_db()
    assert job.status == "pending"
    working.work(limit=10, seconds=20)
    job.refresh_from_db()
    assert job.status == "completed"


def test_asking_and_working_at_once_neither_deadlocks_nor_loses_the_job(ana, mod, provider):
    track = at_provider(provider, ana, behaviour="500", times=12)
    schedule.plan()
    failures = []

    def ask() -> None:
        for _ in range(15):
            try:
                assert actions.request(track=track, by=mod).pk
            except Conflict:
                break
            except Exception as failure:  # reported by the assertion below
                failures.append(failure)
        connection.close()

    def run() -> None:
        for _ in range(10):
            working.work(limit=5, seconds=5)
        connection.close()

    threads = [threading.Thread(target=work) for work in (ask, ask, run, run)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_what_is_asked_for_again_starts_with_a_clean_record(ana, mod, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    rows = ArchiveAsset.objects.all()
    rows.model.machine.move_all(rows, "running", lease_until=clock.now())
    rows.model.machine.move_all(rows, "lost", lease_until=None, next_at=None)
    rows.update(crashes=6, attempts=9)
    actions.request(track=track, by=mod)
    asset = asset_of(track)
    assert (asset.state, asset.crashes, asset.attempts) == ("pending", 0, 0)
