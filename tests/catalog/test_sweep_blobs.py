"""`manage.py sweep_blobs` and its daily task."""

import datetime as dt
import io

import pytest
from django.conf import settings
from django.core.management import call_command

from apps.catalog import tasks
from apps.lib import clock, storage
from tests.catalog.test_sweeper import make_unused

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("sweep_blobs", *words, stdout=out)
    return out.getvalue().replace("\xa0", " ")


@pytest.fixture
def unused(db):
    return make_unused(since=clock.now() - dt.timedelta(days=3))


def test_a_dry_run_counts_and_changes_nothing(unused):
    assert said("--dry-run") == "1 unused, 1 would be removed (22 bytes)\n"
    assert storage.exists(unused.key)


def test_the_command_removes_and_counts(unused):
    assert said() == "1 unused, 1 removed (22 bytes)\n"
    assert not storage.exists(unused.key)
    assert said() == "0 unused, 0 removed (0 bytes)\n"


def test_what_is_left_is_said(unused, monkeypatch):
    def fail(key):
        raise storage.StorageFailed

    monkeypatch.setattr(storage, "remove", fail)
    assert "1 left for the next sweep" in said()


def test_the_task_does_the_same_every_day(unused):
    assert tasks.sweep_blobs() == 1 and not storage.exists(unused.key)
    assert settings.CELERY_BEAT_SCHEDULE["sweep blobs"]["task"] == tasks.sweep_blobs.name
