"""What compression saved, as staff see it and as it stays when track or person go."""

import datetime as dt
import io

import pytest

from apps.accounts import chapters, departure
from apps.catalog import actions as catalog
from apps.catalog import derive
from apps.catalog.models import Track
from apps.lib import clock
from apps.uploads import actions, reports
from apps.uploads.models import CompressionReport, Upload
from tests.make import audio, make_playable, make_track

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 20)


def make_upload(person, form: str = "wav", seconds: float = 2.0) -> Upload:
    """A received file whose products are made."""
    upload = actions.receive(user=person, content=io.BytesIO(audio(form, seconds)), file_name=f"song.{form}")
    for row in derive.claim(limit=1, track=upload.track):
        assert derive.run(row)
    return upload


def make_report(person, *, saved: int, on: dt.datetime, applied: bool = True) -> CompressionReport:
    facts = {"original_size": saved + 1000, "compressed_size": 1000, "ratio": 2, "processing_ms": 500}
    report = CompressionReport.objects.create(user=person, track=make_track(person), applied=applied, **facts)
    CompressionReport.objects.filter(pk=report.pk).update(created_at=on)
    return report


def test_a_compressed_upload_is_reported_as_it_was_measured(ana):
    """S0-16."""
    upload = make_upload(ana)
    report, files = CompressionReport.objects.get(), {file.role: file for file in upload.track.files.all()}
    assert (report.user, report.file_name, report.track) == (ana, "song.wav", upload.track)
    assert (report.original_size, report.compressed_size) == (files["original"].blob.size, files["audio"].blob.size)
    assert report.ratio == files["audio"].compression_ratio and report.applied and report.quality == "medium"
    assert (report.bit_rate, report.original_bit_rate) == (192_000, files["original"].bit_rate)
    assert report.processing_ms > 0


def test_an_original_that_serves_is_reported_too(ana):
    upload = make_upload(ana, form="mp3")
    report, original = CompressionReport.objects.get(), upload.track.file("original")
    assert (report.applied, report.quality, report.ratio) == (False, "lossless", 1)
    assert report.compressed_size == report.original_size == original.blob.size
    assert report.bit_rate == report.original_bit_rate == original.bit_rate


def test_a_track_without_an_upload_is_its_owners(ana):
    make_playable(ana, derived=True)
    report = CompressionReport.objects.get()
    assert (report.user, report.file_name) == (ana, "")


def test_what_is_made_again_is_counted_once(ana):
    upload = make_upload(ana)
    derive.again(track=upload.track)
    (row,) = derive.claim(limit=1, now=clock.now())
    assert derive.run(row) and CompressionReport.objects.count() == 1


def test_only_who_settles_reports(ana):
    """A worker whose lease another took over leaves no report."""
    upload = actions.receive(user=ana, content=io.BytesIO(audio()), file_name="song.wav")
    (row,) = derive.claim(limit=1, track=upload.track)
    type(row).objects.filter(pk=row.pk).update(token=row.token + 1)
    assert derive.run(row) is False and not CompressionReport.objects.exists()


def test_savings_are_summed_by_utc_day(ana, mod):
    day = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    make_report(ana, saved=100, on=day)
    make_report(ana, saved=30, on=day + dt.timedelta(hours=23, minutes=59))
    make_report(ana, saved=7, on=day - dt.timedelta(microseconds=1))
    make_report(ana, saved=5, on=day - dt.timedelta(days=29))
    make_report(ana, saved=9999, on=day - dt.timedelta(days=29, microseconds=1))
    found = reports.savings(viewer=mod, today=TODAY)
    assert len(found.days) == reports.DAYS and [day.isoformat() for day, _ in found.days[-2:]] == [
        "2026-11-19", "2026-11-20"
    ]  # fmt: skip
    assert found.days[-1][1] == 130 and found.days[-2][1] == 7 and found.days[0][1] == 5
    assert (found.files, found.smaller, found.saved, found.processing_ms) == (4, 4, 142, 2000)


def test_only_staff_know_what_was_saved(ana, mod):
    make_report(ana, saved=100, on=dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    assert reports.savings(viewer=ana, today=TODAY).files == 0
    assert reports.savings(viewer=mod, today=TODAY).files == 1


def test_a_removed_track_leaves_the_numbers_alone(ana):
    upload = make_upload(ana)
    catalog.remove(track=upload.track, by=ana)
    report = CompressionReport.objects.get()
    assert (report.user, report.file_name, report.ratio > 1) == (None, "", True)


@pytest.mark.parametrize("tracks", ["remove", "library"])
def test_a_person_takes_their_name_along(ana, tracks):
    make_upload(ana)
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "compression")
    (row,) = chapter.rows(ana)
    assert row["file_name"] == "song.wav" and "user_id" not in row
    departure.part(user=ana, tracks=tracks)
    assert CompressionReport.objects.filter(user=None, file_name="").count() == 1
    assert not Track.objects.filter(owner=ana).exists()
