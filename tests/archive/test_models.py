"""The walls of the archive's tables: no row says archived without bytes, none waits without a time."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob, Finding
from tests.make import make_generated

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(ana):
    track = make_generated(ana)
    schedule.plan()
    return track


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "archived"}, {"state": "running"}, {"next_at": None}, {"state": "safe"}, {"kind": "stem"},
        {"archived_at": timezone.now()}, {"lease_until": timezone.now()},
    ],
)  # fmt: skip
def test_no_raw_write_makes_an_impossible_asset(planned, facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveAsset.objects.update(**facts)


def test_since_when_a_file_is_lost_follows_its_state_and_nothing_else(planned):
    rows, machine = ArchiveAsset.objects.all(), ArchiveAsset.machine
    before = timezone.now()
    machine.move_all(rows, "running", lease_until=before)
    machine.move_all(rows, "lost", lease_until=None, next_at=None)
    lost_at = rows.get().lost_at
    assert before < lost_at < timezone.now()
    rows.update(source_url="https://cdn1.suno.ai/b.mp3", updated_at=timezone.now())
    assert rows.get().lost_at == lost_at
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(lost_at=None)
    machine.move_all(rows, "pending", next_at=before)
    assert rows.get().lost_at is None


@pytest.mark.parametrize("facts", [{"status": "processing"}, {"status": "completed"}, {"status": "done"}])
def test_a_jobs_times_belong_to_its_status(planned, facts):
    """S3-04."""
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveJob.objects.update(**facts)


def test_a_track_has_one_open_job_and_one_asset_per_kind(planned, ana):
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveJob.objects.create(track=planned, user=ana)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveAsset.objects.create(track=planned, kind="audio", expires_at=timezone.now(), next_at=timezone.now())
    ArchiveJob.objects.update(status="failed", completed_at=timezone.now())
    ArchiveJob.objects.create(track=planned, user=ana)


def make_finding(**facts) -> Finding:
    facts = {"sha256": "0" * 64, "size": 1, "place": "main", "what": "missing", "found_at": timezone.now(), **facts}
    return Finding.objects.create(**facts)


def test_one_finding_stands_for_one_content_in_one_place():
    make_finding(place="copy")
    first = make_finding()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_finding()
    Finding.machine.move(first, "repaired", repaired_from="copy", repaired_at=timezone.now())
    assert make_finding().state == "open"


@pytest.mark.parametrize(
    "wrong", [{"repaired_from": "copy"}, {"repaired_at": "2027-01-01T00:00Z"}, {"place": "moon"}, {"what": "bad"}]
)
def test_a_finding_says_what_can_be(wrong):
    row = make_finding()
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.objects.filter(pk=row.pk).update(**wrong)


def test_repaired_means_from_somewhere_and_at_a_time():
    row = make_finding()
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.machine.move(row, "repaired")
