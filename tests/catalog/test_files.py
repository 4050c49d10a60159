"""Bytes become a track's files."""

import hashlib

import pytest

from apps.catalog import files
from apps.catalog.derive import WAVEFORM
from apps.catalog.models import Blob, Derivation, TrackFile
from apps.lib import locks, media, storage
from apps.lib.errors import Refusal
from tests.lib.threads import side_by_side
from tests.make import make_audio, make_playable, make_track

pytestmark = pytest.mark.django_db


def test_the_same_content_is_one_blob_for_two_tracks(ana, bob):
    make_playable(ana)
    make_playable(bob)
    assert (Blob.objects.count(), TrackFile.objects.count()) == (1, 2)


def test_a_new_original_makes_everything_due_again_and_keeps_the_old_bytes(ana, tmp_path):
    track = make_playable(ana, derived=True)
    old = track.file("original").blob
    path = make_audio(tmp_path / "new", seconds=3, seed=9)
    probe = media.probe(path)
    files.attach_original(track=track, blob=files.blob_for(storage.put(path), probe.format), probe=probe)
    row = Derivation.objects.get(track=track)
    assert (row.state, row.attempts) == ("due", 0) and row.next_at
    assert track.duration_ms == pytest.approx(3000, rel=0.01)
    assert storage.exists(old.key) and Blob.objects.filter(pk=old.pk).exists()


def test_the_same_original_again_makes_nothing_due(ana, tmp_path):
    track = make_playable(ana, derived=True)
    path = make_audio(tmp_path / "same")
    probe = media.probe(path)
    files.attach_original(track=track, blob=files.blob_for(storage.put(path), probe.format), probe=probe)
    assert Derivation.objects.get(track=track).state == "done"


@pytest.mark.django_db(transaction=True)
def test_a_removed_track_cannot_be_held(ana):
    from django.db import transaction

    track = make_track(ana)
    with transaction.atomic():
        assert files.lock_live(track.pk)
        track.machine.move(track, "removed", removed_at=track.created_at, title="")
        assert not files.lock_live(track.pk)


@pytest.mark.servers
def test_a_working_copy_of_a_remote_object_is_verified(ana, tmp_path, settings, object_store):
    from apps.lib.storage_url import backend_from_url

    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}
    blob = make_playable(ana).file("original").blob
    assert files.working_copy(blob, tmp_path).parent == tmp_path
    assert media.probe(tmp_path / "original").size == blob.size


def test_bytes_are_stored_under_their_own_hash_and_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"bytes")
    with files.stored(path, form=WAVEFORM) as held:
        assert storage.exists(held.key)
    with pytest.raises(Refusal, match="announced"), files.stored(path, form=WAVEFORM, sha256="0" * 64):
        pass


def test_bytes_have_their_row_as_soon_as_they_are_stored(tmp_path):
    """Whatever refuses the rows that were to hold them: the sweeper counts rows, and finds these."""
    path = tmp_path / "file"
    path.write_bytes(b"refused later")
    with pytest.raises(Refusal), files.stored(path, form=WAVEFORM) as held:
        raise Refusal("INVALID", "No.")
    row = Blob.objects.get(sha256=held.sha256)
    assert (row.key, row.size, row.mime, row.unused_since) == (held.key, 13, "application/json", None)


def test_no_row_says_what_the_store_did_not_take(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise storage.StorageFailed

    path = tmp_path / "file"
    path.write_bytes(b"bytes before rows")
    monkeypatch.setattr(storage, "put", fail)
    with pytest.raises(storage.StorageFailed), files.stored(path, form=WAVEFORM):
        pass
    assert not Blob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_bytes_that_the_sweeper_has_in_hand_are_stored_later(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"bytes")
    monkeypatch.setattr(files, "PATIENCE_S", 0)

    def store() -> None:
        with files.stored(path, form=WAVEFORM):
            pass

    with locks.alone(files.content(hashlib.sha256(b"bytes").hexdigest())):
        (refused,) = side_by_side(store)
    assert isinstance(refused, storage.StorageFailed)
    assert side_by_side(store) == [None]
