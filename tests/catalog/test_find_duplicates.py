"""The command that looks for duplicates."""

import io

import pytest
from django.core.management import call_command

from apps.catalog import duplicates
from apps.catalog.models import Duplicate
from apps.lib import locks
from tests.make import make_track

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("find_duplicates", *arguments, stdout=out)
    return out.getvalue()


def test_it_looks_at_everything_and_says_how_far_it_is(ana):
    for _ in range(2):
        make_track(ana, duration_ms=180_000)
    duplicates.find()
    Duplicate.objects.all().delete()
    text = said()
    assert "0/7 reading titles" in text and "7/7 done" in text
    assert "2 tracks compared: 1 new pairs, 0 open again, 0 no longer alike" in text
    assert Duplicate.objects.count() == 1


def test_two_do_not_look_at_once(monkeypatch):
    """The other one sits at another connection; to this one the lock says so."""
    monkeypatch.setattr(locks, "_asked", lambda statement, name: False)
    assert "somebody else is looking" in said("--changed")
