"""Celery's door: messages are nudges, and every task may run twice."""

import threading
import time

import pytest
from celery import current_app
from django.db import connection

from apps.archive import generations, tasks
from apps.archive.models import ArchiveAsset, Generation
from apps.lib import storage
from deploy.demo.behaviours import Behaviour
from tests.archive.places import held, make_blob, overwrite, two_folders
from tests.archive.providers.world import begin, open_apis, song
from tests.archive.world import asset_of, at_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def eager():
    """A nudge runs its task at once."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def test_a_tick_finds_plans_and_archives(ana, provider, eager):
    at_provider(provider, ana)
    assert tasks.plan() == 1
    assert ArchiveAsset.objects.get().state == "archived"


def test_every_task_may_run_twice(ana, provider, eager):
    track = at_provider(provider, ana)
    for task in (tasks.sweep, tasks.sweep, tasks.daily, tasks.daily, tasks.work):
        task()
    assert ArchiveAsset.objects.get().state == "archived"
    assert provider.requests[track.source.audio_url.removeprefix(provider.origin)] == 1


def test_one_run_at_a_time_on_a_machine(ana, provider):
    """So that a long run never takes the process that plans."""
    from apps.lib import spool

    at_provider(provider, ana)
    tasks.schedule.plan()
    with spool.alone("archive") as first:
        assert first and tasks.work() == 0
    assert tasks.work() == 1


def test_the_next_run_goes_on_while_the_last_download_of_one_that_claims_no_more_is_under_way(ana, provider, settings):
    settings.ARCHIVE_LIMIT_MOST = 1
    slow = at_provider(provider, ana)
    provider.behave(slow.source.audio_url, Behaviour("slow", 20_000))
    full = threading.Thread(target=lambda: (tasks.daily(), connection.close()))
    full.start()
    while full.is_alive() and not provider.requests:
        time.sleep(0.01)
    quick = at_provider(provider, ana)
    tasks.schedule.plan()
    while full.is_alive() and not tasks.work():
        time.sleep(0.01)
    assert (asset_of(quick).state, asset_of(slow).state) == ("archived", "running")
    full.join()
    assert asset_of(slow).state == "archived"


def test_a_run_that_claims_no_more_wakes_the_next_one_when_something_is_due(ana, provider, settings, monkeypatch):
    settings.ARCHIVE_LIMIT_MOST = 1
    for _ in range(2):
        at_provider(provider, ana)
    woken = []
    monkeypatch.setattr(tasks, "nudge", lambda: woken.append(ArchiveAsset.objects.filter(state="pending").count()))
    assert (tasks.daily(), tasks.daily()) == (1, 1)
    assert woken == [1]


def test_what_is_quarantined_is_tried_after_the_rest(ana, provider, eager):
    at_provider(provider, ana)
    tasks.schedule.plan()
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.all(), "running", lease_until="2020-01-01T00:00Z")
    ArchiveAsset.machine.move_all(
        ArchiveAsset.objects.all(), "quarantined", lease_until=None, next_at="2020-01-01T00:00Z"
    )
    tasks.sweep()
    assert ArchiveAsset.objects.get().state == "archived"


def test_the_daily_run_raises_the_alarm(ana, provider, eager, caplog, settings):
    """S3-02: what is old and not archived is an error in the log before it is a loss."""
    at_provider(provider, ana, behaviour="500")
    settings.ARCHIVE_ALARM_DAYS = 0
    tasks.daily()
    tasks.daily()
    assert "archive alarm: 1 assets" in caplog.text


def test_the_beat_names_tasks_that_exist():
    from django.conf import settings

    current_app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in current_app.tasks


def test_what_was_announced_is_asked_for_and_archived_by_ticks_alone(ana, provider, settings, eager):
    open_apis(settings, provider)
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)
    generations.announce(owner=ana, provider="suno", provider_track_id="t1", title="To Come")
    assert tasks.ask() == 1
    assert ArchiveAsset.objects.get().state == "archived"
    assert tasks.ask() == 0


def test_what_nobody_can_be_asked_about_any_more_expires(ana, provider, settings):
    open_apis(settings, provider)
    begin(provider, "suno", "t1")
    generations.announce(owner=ana, provider="suno", provider_track_id="t1", title="To Come")
    settings.PROVIDER_APIS = {}
    Generation.objects.update(ends_at=Generation.objects.get().created_at)
    tasks.sweep()
    assert Generation.objects.get().state == "expired"


def test_what_goes_on_all_day_copies_reads_again_and_sweeps(settings, tmp_path):
    two_folders(settings, tmp_path)
    blob = make_blob(b"sound")
    orphan = storage.put_bytes(b"nobody's")
    assert tasks.copy() == 1
    overwrite(blob.key, None)
    blob.ask()
    assert tasks.scrub() == 2 and held(blob.key, storage.MAIN) == b"sound"
    assert tasks.sweep_orphans() == 0 and storage.exists(orphan.key)


def test_it_waits_for_no_archiver(settings):
    """An archiver plans while it runs: what reads for a minute goes with the other work."""
    routes = current_app.amqp.router
    names = ("fixity.scrub", "fixity.copy", "fixity.orphans")
    assert {routes.route({}, name)["queue"].name for name in names} == {"work"}
