"""S3-14: staff see the archive, an owner own tracks' rows, nobody else anything."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob, Finding, Generation
from apps.catalog.models import Provider
from apps.lib import clock
from tests.make import make_generated

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [ArchiveAsset, ArchiveJob])
def test_rows_by_person(ana, bob, mod, boss, model):
    make_generated(ana)
    schedule.plan()
    people = {"nobody": AnonymousUser(), "owner": ana, "stranger": bob, "moderator": mod, "admin": boss}
    assert {n for n, u in people.items() if model.objects.visible_to(u).exists()} == {"owner", "moderator", "admin"}
    assert {n for n, u in people.items() if model.objects.editable_by(u).exists()} == {"moderator", "admin"}


def test_an_announced_generation_is_its_owners_and_staffs(ana, bob, mod, boss):
    now, suno = clock.now(), Provider.objects.get(pk="suno")
    Generation.objects.create(owner=ana, provider=suno, provider_track_id="t1", title="A", next_at=now, ends_at=now)
    people = {"nobody": AnonymousUser(), "owner": ana, "stranger": bob, "moderator": mod, "admin": boss}
    for rows in (Generation.objects.visible_to, Generation.objects.editable_by):
        assert {n for n, u in people.items() if rows(u).exists()} == {"owner", "moderator", "admin"}


def test_damages_are_the_houses_own(ana, mod, boss):
    """Also those of an owner's own files: what is repaired needs nobody, what is lost is told by other ways."""
    Finding.objects.create(sha256="0" * 64, size=1, place="main", what="missing", found_at=timezone.now())
    people = {"nobody": AnonymousUser(), "owner": ana, "moderator": mod, "admin": boss}
    assert {n for n, u in people.items() if Finding.objects.visible_to(u).exists()} == {"moderator", "admin"}
    assert {n for n, u in people.items() if Finding.objects.editable_by(u).exists()} == {"moderator", "admin"}
