"""The walls of the archive's tables: no row says archived without bytes, none waits without a time."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
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
