"""`manage.py archive_due`: the archive without Celery."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.archive.models import ArchiveAsset
from apps.lib import clock
from tests.archive.world import at_provider

pytestmark = pytest.mark.django_db(transaction=True)


def said(*args) -> str:
    out = io.StringIO()
    call_command("archive_due", *args, stdout=out)
    return out.getvalue()


def test_it_plans_archives_and_tells(ana, provider):
    at_provider(provider, ana)
    at_provider(provider, ana, behaviour="404")
    told = said()
    assert "planned   2 new tracks; 2 assets due" in told
    assert "done      1 archived, 1 gone_suspect; 0 assets still due" in told


def test_one_track_can_be_named(ana, provider):
    wanted, other = at_provider(provider, ana), at_provider(provider, ana)
    said("--track", str(wanted.pk))
    assert ArchiveAsset.objects.get(track=wanted).state == "archived"
    assert ArchiveAsset.objects.get(track=other).state == "pending"


@pytest.mark.parametrize("args", [["--track", "x"], ["--track", "0" * 32], ["--limit", "0"]])
def test_wrong_arguments_are_said_in_a_line(args):
    with pytest.raises(CommandError):
        said(*args)


def test_the_limit_holds(ana, provider):
    for _ in range(3):
        at_provider(provider, ana)
    assert "2 archived; 1 assets still due" in said("--limit", "2")


def test_a_named_track_is_tried_even_from_quarantine(ana, provider):
    track = at_provider(provider, ana)
    said("--limit", "1", "--seconds", "0")
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.filter(track=track)
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "quarantined", lease_until=None, next_at=clock.now())
    said("--track", str(track.pk))
    assert rows.get().state == "archived"
