"""Uploads in the export, and when their person leaves."""

import io

import pytest

from apps.accounts import chapters, departure
from apps.lib.errors import Refusal
from apps.uploads import actions, folders
from apps.uploads.models import CompressionReport, FolderImport, QuotaDay, QuotaGrant, Upload
from tests.make import audio

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(ana, bob):
    """Of Ana one that was taken and one that was refused, of Bob one that was taken."""
    with pytest.raises(Refusal):
        actions.receive(user=ana, content=io.BytesIO(b"no music"), file_name="words.txt")
    for user in (ana, bob):
        actions.receive(user=user, content=io.BytesIO(audio("wav", 0.5)), file_name="a.wav")


def test_the_export_tells_of_what_was_taken_and_what_was_refused(ana, sent):
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "uploads")
    rows = list(chapter.rows(ana))
    assert [(row["file_name"], row["state"], row["error_code"]) for row in rows] == [
        ("words.txt", "refused", "INVALID_FORMAT"), ("a.wav", "checked", "")
    ]  # fmt: skip
    assert rows[1]["track_id"] and "user_id" not in rows[1]


@pytest.mark.parametrize("tracks", ["remove", "library"])
def test_uploads_go_with_their_person(ana, bob, sent, tracks):
    departure.part(user=ana, tracks=tracks)
    assert Upload.objects.get().user == bob


def test_the_export_tells_of_days_grants_and_what_was_made_smaller(ana, mod, sent):
    facts = {"user": ana, "file_name": "a.wav", "original_size": 9, "compressed_size": 3, "ratio": 3}
    CompressionReport.objects.create(**facts, processing_ms=5, applied=True)
    days = {"starts_on": "2026-03-01", "ends_on": "2026-03-02"}
    QuotaGrant.objects.create(user=ana, extra_bytes=7, reason="An album.", granted_by=mod, **days)
    told = {chapter.name: list(chapter.rows(ana)) for chapter in chapters.CHAPTERS}
    assert [row["used_bytes"] for row in told["upload-days"]] == [len(audio("wav", 0.5))]
    assert [(row["extra_bytes"], row["reason"]) for row in told["upload-grants"]] == [(7, "An album.")]
    assert "granted_by_id" not in told["upload-grants"][0]
    assert [row["file_name"] for row in told["compression"]] == ["a.wav"]


def test_of_who_left_a_report_keeps_figures_and_no_name(ana, bob, sent):
    facts = {"file_name": "a.wav", "original_size": 9, "compressed_size": 3, "ratio": 3, "processing_ms": 5}
    for user in (ana, bob):
        CompressionReport.objects.create(user=user, applied=True, **facts)
    departure.part(user=ana, tracks="remove")
    kept = CompressionReport.objects.order_by("pk").values_list("user", "file_name", "ratio")
    assert list(kept) == [(None, "", 3), (bob.pk, "a.wav", 3)]
    assert not QuotaDay.objects.filter(user=ana.pk).exists()


def test_folders_that_came_in_for_somebody_are_told_and_go_with_them(ana, boss, tmp_path):
    folders.begin(path=tmp_path, by=boss, owner=ana)
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "upload-folders")
    assert [row["state"] for row in chapter.rows(ana)] == ["due"] and list(chapter.rows(boss)) == []
    departure.part(user=ana, tracks="remove")
    ana.delete()
    assert not FolderImport.objects.exists()
