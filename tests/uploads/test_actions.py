"""Bringing a file in: what is kept, when it is published."""

import datetime as dt
import hashlib
import io

import pytest
from django.db import DatabaseError
from django.utils import timezone

from apps.accounts import departure
from apps.catalog import actions as catalog
from apps.catalog import sweeper
from apps.catalog.models import Blob, Derivation, Track
from apps.lib import clock, media, storage
from apps.lib.errors import Refusal
from apps.uploads import actions, checking, intake, quota
from apps.uploads.models import Check, Upload
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)


def receive(user, data: bytes, **facts) -> Upload:
    return actions.receive(user=user, content=io.BytesIO(data), file_name="song.wav", **facts)


def test_the_states_follow_the_work(ana):
    upload = receive(ana, audio("wav"))
    assert upload.state == "checked" and upload.track.status == "ready"
    assert actions.compress(upload).state == "ready"


def test_an_upload_is_published_by_the_sweep_when_its_nudge_was_lost(ana):
    upload = receive(ana, audio("wav"))
    assert actions.publish(upload).state == "checked"
    Derivation.machine.move_all(Derivation.objects.all(), "failed", next_at=None)
    assert actions.publish(upload).state == "ready"


def test_a_store_that_fails_refuses_the_upload_and_leaves_no_track(ana, monkeypatch):
    """S0-20, S0-21."""
    monkeypatch.setattr(storage, "put", lambda *a, **k: (_ for _ in ()).throw(storage.StorageFailed()))
    with pytest.raises(Refusal) as refused:
        receive(ana, audio("wav"))
    assert refused.value.code == "STORAGE_FAILED"
    upload = Upload.objects.get()
    assert (upload.state, upload.error_code, upload.track) == ("refused", "STORAGE_FAILED", None)
    assert not Track.objects.exists()


def test_bytes_whose_owner_left_while_they_were_stored_are_swept(ana, monkeypatch):
    put = storage.put

    def meanwhile(*args, **kwargs):
        kept = put(*args, **kwargs)
        departure.part(user=ana, tracks="remove")
        return kept

    monkeypatch.setattr(storage, "put", meanwhile)
    with pytest.raises((Refusal, DatabaseError)):
        receive(ana, audio("wav"))
    blob = Blob.objects.get()
    assert storage.exists(blob.key) and not Track.objects.exists()
    for days in (0, 3):
        sweeper.sweep(now=clock.now() + dt.timedelta(days=days))
    assert not Blob.objects.exists() and not storage.exists(blob.key)


def test_the_same_bytes_are_stored_once(ana, bob):
    first, second = receive(ana, audio("wav")), receive(bob, audio("wav"))
    assert first.track != second.track and first.file_key != second.file_key
    assert Blob.objects.count() == 1


def test_nothing_is_left_in_the_spool(ana, settings, tmp_path):
    settings.SPOOL = tmp_path
    receive(ana, audio("wav"))
    with pytest.raises(Refusal):
        receive(ana, b"no music")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_a_full_disk_is_said_before_a_byte_is_kept(ana, settings):
    settings.SPOOL_RESERVE_BYTES = 1 << 62
    with pytest.raises(Refusal) as refused:
        receive(ana, audio("wav"))
    assert (refused.value.code, refused.value.status) == ("DISK_FULL", 507)
    assert not Upload.objects.exists()


def test_a_disk_that_fills_up_midway_refuses_the_upload(ana, monkeypatch):
    monkeypatch.setattr(media, "probe", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Refusal) as refused:
        receive(ana, audio("wav"))
    assert (refused.value.code, refused.value.status) == ("DISK_FULL", 507)
    assert Upload.objects.get().state == "refused"


def test_an_upload_of_a_removed_track_ends(ana):
    upload = receive(ana, audio("wav"))
    catalog.remove(track=upload.track, by=ana)
    assert actions.publish(Upload.objects.get(pk=upload.pk)).state == "ready"


def test_a_disk_that_fills_up_while_a_form_is_written_takes_nothing_of_the_quota(ana, monkeypatch, tmp_path):
    full = tmp_path / "upload"
    full.symlink_to("/dev/full")
    monkeypatch.setattr(intake, "spooled", lambda upload: full)
    with pytest.raises(Refusal) as refused:
        receive(ana, audio("wav"))
    assert (refused.value.code, refused.value.status) == ("DISK_FULL", 507)
    assert Upload.objects.get().error_code == "DISK_FULL"
    assert quota.standing(ana).used == 0 and not full.is_symlink()


def make_hanging(user) -> Upload:
    upload = intake.begin(user=user, way="tus", size=len(audio("wav")), file_name="song.wav")
    intake.spooled(upload).write_bytes(audio("wav"))
    intake.completed(upload, sha256=hashlib.sha256(audio("wav")).hexdigest())
    Check.objects.update(next_at=timezone.now() + dt.timedelta(hours=1))
    return upload


def test_staff_have_a_hanging_one_tried_again_at_once(ana, mod):
    upload = make_hanging(ana)
    assert checking.claim(limit=1) == []
    actions.retry(upload, mod)
    (row,) = checking.claim(limit=1)
    with pytest.raises(Refusal) as refused:
        actions.retry(upload, mod)
    assert (refused.value.code, refused.value.status) == ("IN_WORK", 409)
    assert checking.run(row)
    upload.refresh_from_db()
    Derivation.machine.move_all(Derivation.objects.all(), "failed", next_at=None)
    actions.retry(upload, mod)
    assert Derivation.objects.get().state == "due"


def test_only_who_may_tries_again_and_only_what_is_not_over(ana, mod):
    upload = make_hanging(ana)
    with pytest.raises(Refusal) as refused:
        actions.retry(upload, ana)
    assert refused.value.code == "FORBIDDEN"
    intake.give_up(upload, "EXPIRED", "Too late.")
    with pytest.raises(Refusal) as refused:
        actions.retry(upload, mod)
    assert (refused.value.code, refused.value.status) == ("NOTHING_TO_RETRY", 409)
