"""S3-14: staff see the archive, an owner own tracks' rows, nobody else anything."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from tests.make import make_generated

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [ArchiveAsset, ArchiveJob])
def test_rows_by_person(ana, bob, mod, boss, model):
    make_generated(ana)
    schedule.plan()
    people = {"nobody": AnonymousUser(), "owner": ana, "stranger": bob, "moderator": mod, "admin": boss}
    assert {n for n, u in people.items() if model.objects.visible_to(u).exists()} == {"owner", "moderator", "admin"}
    assert {n for n, u in people.items() if model.objects.editable_by(u).exists()} == {"moderator", "admin"}
