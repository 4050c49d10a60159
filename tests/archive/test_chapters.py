"""The archive when somebody leaves: what was removed is not fetched any more, what went to the library is."""

import io
import json

import pytest

from apps.accounts import chapters, departure
from apps.archive import attempt, handing, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob, Generation
from apps.catalog.models import Provider, Track
from apps.lib import clock, leases
from tests.archive.world import at_provider
from tests.make import audio

pytestmark = pytest.mark.django_db


def claimed() -> list[ArchiveAsset]:
    """What is due, just claimed by a worker."""
    schedule.plan()
    return leases.claim(schedule.due(), ArchiveAsset.machine, limit=5)


def in_progress() -> ArchiveAsset:
    (asset,) = claimed()
    return asset


def test_a_track_of_the_library_is_archived_to_its_end(ana, provider):
    track = at_provider(provider, ana)
    asset = in_progress()
    departure.part(user=ana, tracks="library")
    assert attempt.archive(asset)
    asset.refresh_from_db()
    assert asset.state == "archived" and Track.objects.get(pk=track.pk).file("original").blob == asset.blob
    job = ArchiveJob.objects.get()
    assert (job.status, job.user) == ("completed", None)


def test_what_waits_in_the_library_is_archived_later(ana, provider):
    track = at_provider(provider, ana)
    departure.part(user=ana, tracks="library")
    assert attempt.archive(in_progress())
    assert Track.objects.get(pk=track.pk).file("original") and ArchiveJob.objects.get().user is None


def test_a_removed_track_is_left_alone_also_by_who_is_at_it(ana, provider):
    track = at_provider(provider, ana)
    asset = in_progress()
    departure.part(user=ana, tracks="remove")
    assert not attempt.archive(asset)
    asset.refresh_from_db()
    assert (asset.state, asset.blob, asset.source_url) == ("dropped", None, "")
    assert not Track.objects.get(pk=track.pk).files.exists()
    schedule.keep_house()
    assert claimed() == []


def test_archived_bytes_of_a_removed_track_are_let_go(ana, bob, provider):
    at_provider(provider, ana)
    theirs = at_provider(provider, bob, seed=2)
    assert [attempt.archive(asset) for asset in claimed()] == [True, True]
    departure.part(user=ana, tracks="remove")
    assert ArchiveAsset.objects.exclude(track=theirs).get().blob is None
    assert ArchiveAsset.objects.get(track=theirs).state == "archived"


def test_the_export_tells_of_jobs_and_files(ana, bob, provider):
    at_provider(provider, ana)
    at_provider(provider, bob)
    schedule.plan()
    told = {chapter.name: list(chapter.rows(ana)) for chapter in chapters.CHAPTERS}
    (job,), (file,) = told["archive_jobs"], told["archive_files"]
    assert job["status"] == "pending" and job["original_audio_url"] == file["source_url"]
    assert "user_id" not in job and "token" not in file


def test_the_export_does_not_tell_who_of_staff_handed_a_file_in(ana, boss, provider):
    track = at_provider(provider, ana, behaviour="404")
    handing.hand_in(track=track, kind="audio", content=io.BytesIO(audio("mp3")), file_name="found.mp3", by=boss)
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "archive_jobs")
    (job,) = chapter.rows(ana)
    assert job["metadata"]["handed_in"][0]["file_name"] == "found.mp3" and str(boss.pk) not in json.dumps(
        job, default=str
    )


def test_nobody_waits_for_what_was_announced_by_who_left(ana, bob):
    now, suno = clock.now(), Provider.objects.get(pk="suno")
    for owner in (ana, bob):
        facts = {"provider_track_id": f"of {owner.pk}", "title": "To Come", "next_at": now, "ends_at": now}
        Generation.objects.create(owner=owner, provider=suno, **facts)
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "generations")
    assert [row["title"] for row in chapter.rows(ana)] == ["To Come"]
    departure.part(user=ana, tracks="library")
    assert Generation.objects.get().owner == bob
