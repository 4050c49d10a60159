"""Celery's door to playlist files."""

import io

import pytest

from apps.playlists import importing, tasks
from apps.playlists.models import Import
from tests.make import make_track

pytestmark = pytest.mark.django_db


def test_a_sweep_works_off_what_is_due(ana):
    make_track(ana, title="Night Train", artist="Ana")
    for _ in range(2):
        importing.begin(content=io.BytesIO(b"title,artist\nNight Train,Ana\n"), file_name="x.csv", by=ana)
    assert tasks.look_for_tracks() == 2
    assert set(Import.objects.values_list("state", flat=True)) == {"done"}
    assert tasks.look_for_tracks() == 0


def test_a_nudge_without_a_broker_fails_nothing(ana, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        tasks.nudge_imports()
