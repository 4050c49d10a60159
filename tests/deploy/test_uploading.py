"""What the demo brings in besides its first tracks: by the doors' own actions, once."""

import pytest

from apps.catalog.models import FormerFile, Track
from apps.uploads import quota
from apps.uploads.models import FolderFile, FolderImport, QuotaGrant, Upload
from deploy.demo import seed, uploading
from tests.make import make_playable, make_user

pytestmark = pytest.mark.django_db
MADE = (Upload, FolderImport, FolderFile, QuotaGrant, FormerFile, Track)


@pytest.fixture
def people():
    return {username: make_user(username) for username, *_ in seed.PEOPLE}


def how_many() -> list[int]:
    return [model.objects.count() for model in MADE]


def test_there_is_something_of_every_kind_and_a_second_run_changes_nothing(people, boss):
    sketch = make_playable(people["oskar"], title="Sketch for Two Rooms")
    tracks = {sketch.title: sketch}
    assert uploading.bring(people, tracks, boss)
    made = how_many()
    assert all(made), made
    assert not uploading.bring(people, tracks, boss)
    assert how_many() == made
    refused = Upload.objects.get(state="refused", user=people["ilse"])
    assert (refused.error_code, refused.file_name) == ("INVALID_FORMAT", "Harbour Lights.mp3")
    assert "It lasts 0:31 instead of" in Upload.objects.get(replaces=sketch).sounds_different
    outcomes = FolderFile.objects.order_by("path").values_list("state", flat=True)
    assert list(outcomes) == ["imported", "imported", "imported", "refused"]
    assert FolderImport.objects.get().state == "done"
    tapes = Track.objects.filter(uploads__way="folder")
    assert set(tapes.values_list("owner", "is_public")) == {(people["oskar"].pk, False)}
    assert quota.standing(people["oskar"]).limit > quota.standing(people["ilse"]).limit


def test_without_staff_nobody_gives_more_and_brings_a_folder(people):
    assert uploading.bring(people, {}, None)
    assert Upload.objects.get().state == "refused"
    assert not FolderImport.objects.exists() and not QuotaGrant.objects.exists()
