"""Bringing a file in: what is kept, when it is published."""

import datetime as dt
import io

import pytest
from django.db import DatabaseError

from apps.accounts import departure
from apps.catalog import actions as catalog
from apps.catalog import sweeper
from apps.catalog.models import Blob, Derivation, Track
from apps.lib import clock, media, storage
from apps.lib.errors import Refusal
from apps.uploads import actions, intake
from apps.uploads.models import Upload
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
        departure.part(user=ana, tracks="remove")
        return put(*args, **kwargs)

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


def test_nothing_is_left_in_the_spool(ana, settings):
    receive(ana, audio("wav"))
    with pytest.raises(Refusal):
        receive(ana, b"no music")
    assert list(settings.SPOOL.glob("job-*")) == []


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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\Users\\me\\a.mp3", "a.mp3"), ("a\r\nb.mp3", "ab.mp3"), ("", "untitled"),
        ("\u202egpm.mp3", "gpm.mp3"), ("x" * 300, "x" * 255), ("/", "untitled"), ("Ærø.flac", "Ærø.flac"),
    ],
)  # fmt: skip
def test_a_file_name_is_tidied_for_showing(given, kept):
    assert intake.tidy_name(given) == kept
