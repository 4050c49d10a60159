"""The planner finds by query what needs archiving; nothing has to tell it."""

import datetime as dt

import pytest
from django.db import connection

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset, ArchiveHost, ArchiveJob
from apps.lib import clock, spool
from tests.make import make_generated, make_track

pytestmark = pytest.mark.django_db


def test_every_asset_of_a_finished_generation_gets_a_row_and_the_track_a_job(ana):
    """S3-02: at completion, not on day 13."""
    track = make_generated(ana, cover_url="https://cdn1.suno.ai/a.jpeg", video_url="https://cdn1.suno.ai/a.mp4")
    assert schedule.plan() == 1
    assert set(ArchiveAsset.objects.values_list("kind", "state")) == {
        (k, "pending") for k in ("audio", "cover", "video")
    }
    assert schedule.due().count() == 3
    job = ArchiveJob.objects.get()
    assert (job.track, job.user, job.requested_by, job.status) == (track, ana, None, "pending")


def test_planning_twice_changes_nothing(ana):
    make_generated(ana)
    assert (schedule.plan(), schedule.plan()) == (1, 0)
    assert (ArchiveAsset.objects.count(), ArchiveJob.objects.count()) == (1, 1)


def test_uploads_and_removed_tracks_are_not_planned(ana):
    make_track(ana)
    removed = make_generated(ana)
    removed.machine.move(removed, "removed", removed_at=clock.now(), title="")
    assert schedule.plan() == 0


def test_what_expires_first_comes_first(ana):
    late = make_generated(ana)
    soon = make_generated(ana, provider="replicate", audio_url="https://replicate.delivery/a.wav")
    schedule.plan()
    assert [asset.track for asset in schedule.due()] == [soon, late]


def test_the_archive_is_behind_when_a_file_that_can_be_had_finds_no_worker(ana):
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    assert not schedule.behind(now=now + schedule.WAITED)  # no run is at work here
    with spool.alone(schedule.RUN):
        assert not schedule.behind(now=now) and schedule.behind(now=now + schedule.WAITED)
        working.claim(schedule.lanes(now=now), 1, now=now)
        assert not schedule.behind(now=now + schedule.WAITED)


def test_the_archive_is_not_behind_with_what_is_past_its_expiry_or_whose_host_is_shut(ana):
    make_generated(ana)
    schedule.plan()
    later = clock.now() + schedule.WAITED
    facts = {"tokens": 5, "filled_at": later, "paused_until": later + dt.timedelta(minutes=1)}
    ArchiveHost.objects.create(name="cdn1.suno.ai", **facts)
    with spool.alone(schedule.RUN):
        assert not schedule.behind(now=later)
        ArchiveHost.objects.all().delete()
        assert schedule.behind(now=later)
        assert not schedule.behind(now=later + dt.timedelta(days=365))


def test_a_second_planner_leaves_at_once(ana):
    """Two beats are harmless."""
    make_generated(ana)
    first = connection.copy()
    try:
        with first.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [schedule.PLANNER_LOCK])
            assert schedule.plan() == 0
            cursor.execute("SELECT pg_advisory_unlock(%s)", [schedule.PLANNER_LOCK])
    finally:
        first.close()
    assert schedule.plan() == 1


def test_the_alarm_names_what_is_old_or_about_to_expire(ana):
    """S3-02: day 13, kept as the alarm; S3-10: two days before expiry."""
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    assert not schedule.alarming(now=now).exists()
    assert schedule.alarming(now=now + dt.timedelta(days=13, seconds=1)).exists()
    ArchiveAsset.objects.update(expires_at=now + dt.timedelta(days=1), created_at=now - dt.timedelta(days=2))
    assert schedule.alarming(now=now).exists()


def test_a_job_nobody_works_on_is_closed(ana):
    make_generated(ana)
    schedule.plan()
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.all(), "dropped")
    schedule.keep_house()
    assert ArchiveJob.objects.get().status == "pending", "it may be of a row that falls due just now"
    schedule.keep_house(now=clock.now() + dt.timedelta(minutes=2))
    job = ArchiveJob.objects.get()
    assert job.status == "failed" and job.completed_at
