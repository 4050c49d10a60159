"""Who sees which upload, what compression saved, and folders of the server."""

import pytest

from apps.uploads import folders
from apps.uploads.models import CompressionReport, FolderImport, Upload
from tests.uploads.test_models import make_upload

pytestmark = pytest.mark.django_db


def test_an_upload_is_its_persons_and_staff_see_it(ana, bob, mod):
    make_upload(ana)
    assert [Upload.objects.visible_to(who).count() for who in (ana, bob, mod)] == [1, 0, 1]
    assert [Upload.objects.editable_by(who).count() for who in (ana, bob, mod)] == [1, 0, 0]


def test_what_compression_saves_is_staffs_to_see_and_nobodys_to_change(ana, mod):
    facts = {"original_size": 9, "compressed_size": 3, "ratio": 3, "processing_ms": 5, "applied": True}
    CompressionReport.objects.create(user=ana, **facts)
    assert [CompressionReport.objects.visible_to(who).count() for who in (ana, mod)] == [0, 1]
    assert not CompressionReport.objects.editable_by(mod).exists()


def test_folders_are_the_staffs_business_also_where_the_tracks_are_anas(ana, mod, boss, tmp_path):
    folders.begin(path=tmp_path, by=boss, owner=ana)
    seen = {who: FolderImport.objects.visible_to(who).count() for who in (ana, mod, boss)}
    assert seen == {ana: 0, mod: 1, boss: 1}
    changed = {who: FolderImport.objects.editable_by(who).count() for who in (ana, mod, boss)}
    assert changed == {ana: 0, mod: 0, boss: 1}
