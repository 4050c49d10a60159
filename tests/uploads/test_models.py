"""The walls of the uploads table."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.uploads.models import Upload
from tests.make import make_track

pytestmark = pytest.mark.django_db


def make_upload(user, **facts) -> Upload:
    facts = {
        "expires_at": timezone.now(),
        "file_key": "a",
        "file_name": "a.wav",
        "size_bytes": 1,
        "sha256": "0" * 64,
        **facts,
    }
    return Upload.objects.create(user=user, **facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"size_bytes": 0},
        {"size_bytes": -1},
        {"state": "checked"},
        {"state": "refused"},
        {"state": "lost"},
        {"error_code": "X"},
    ],
)
def test_no_raw_write_makes_an_impossible_upload(ana, facts):
    """S1-02."""
    upload = make_upload(ana)
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(**facts)


def test_a_refused_upload_has_no_track_and_a_key_is_one_uploads(ana):
    upload = make_upload(ana)
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(state="refused", error_code="X", track=make_track(ana))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_upload(ana)
