"""Celery's door to uploads: a nudge may come twice, late or never."""

import hashlib
import io

import pytest
from celery import current_app
from django.utils import timezone

from apps.catalog import tasks as derivations
from apps.uploads import actions, intake, tasks
from apps.uploads.models import Upload
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)


def make_upload(user) -> Upload:
    return actions.receive(user=user, content=io.BytesIO(audio("wav")), file_name="a.wav")


def state_of(upload: Upload) -> str:
    return Upload.objects.get(pk=upload.pk).state


def test_a_nudge_compresses_and_publishes_and_may_come_twice(ana):
    upload = make_upload(ana)
    tasks.compress(str(upload.pk))
    tasks.compress(str(upload.pk))
    assert state_of(upload) == "ready"


def test_a_nudge_for_a_row_that_is_gone_is_nothing(ana):
    tasks.compress("00000000-0000-7000-8000-000000000000")


def test_a_lost_nudge_is_healed_by_the_sweeps(ana):
    upload = make_upload(ana)
    derivations.sweep()
    assert state_of(upload) == "checked"
    tasks.sweep()
    assert state_of(upload) == "ready"


def test_the_nudge_carries_the_key(ana):
    current_app.conf.task_always_eager = True
    try:
        upload = make_upload(ana)
        tasks.nudge(upload)
        assert state_of(upload) == "ready"
    finally:
        current_app.conf.task_always_eager = False


def test_what_came_in_pieces_is_checked_by_its_nudge_or_by_the_sweep(ana):
    for step in (tasks.check, lambda key: tasks.sweep()):
        upload = intake.begin(user=ana, way="tus", size=len(audio("mp3")), file_name="a.mp3")
        intake.spooled(upload).write_bytes(audio("mp3"))
        intake.completed(upload, sha256=hashlib.sha256(audio("mp3")).hexdigest())
        step(str(upload.pk))
        step(str(upload.pk))
        assert state_of(upload) in ("checked", "ready")
        assert not intake.spooled(upload).exists()


def test_a_sweep_leaves_its_worker_in_time_and_the_next_goes_on(ana, monkeypatch):
    upload = intake.begin(user=ana, way="tus", size=len(audio("mp3")), file_name="a.mp3")
    intake.spooled(upload).write_bytes(audio("mp3"))
    intake.completed(upload, sha256=hashlib.sha256(audio("mp3")).hexdigest())
    with monkeypatch.context() as over:
        over.setattr(tasks, "CHECKS_S", 0)
        tasks.sweep()
    assert state_of(upload) == "received"
    tasks.sweep()
    assert state_of(upload) == "checked"


def test_the_sweep_ends_what_did_not_come_in_time(ana):
    upload = intake.begin(user=ana, way="tus", size=5, file_name="a.mp3")
    Upload.objects.update(expires_at=timezone.now())
    tasks.sweep()
    assert state_of(upload) == "refused"
