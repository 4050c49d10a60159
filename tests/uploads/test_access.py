"""Who sees folders of the server: staff alone."""

import pytest

from apps.uploads import folders
from apps.uploads.models import FolderImport

pytestmark = pytest.mark.django_db


def test_folders_are_the_staffs_business_also_where_the_tracks_are_anas(ana, mod, boss, tmp_path):
    folders.begin(path=tmp_path, by=boss, owner=ana)
    seen = {who: FolderImport.objects.visible_to(who).count() for who in (ana, mod, boss)}
    assert seen == {ana: 0, mod: 1, boss: 1}
    changed = {who: FolderImport.objects.editable_by(who).count() for who in (ana, mod, boss)}
    assert changed == {ana: 0, mod: 0, boss: 1}
